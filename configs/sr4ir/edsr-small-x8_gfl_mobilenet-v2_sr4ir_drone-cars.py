# Row B2 with a plain network: SR and detector in turns, as published.
# Train: python tools/train.py \
#   configs/sr4ir/edsr-small-x8_gfl_mobilenet-v2_sr4ir_drone-cars.py
# Test:  python tools/test.py \
#   configs/sr4ir/edsr-small-x8_gfl_mobilenet-v2_sr4ir_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/edsr_small_x8_drone_cars.py",
    "../_base_/schedules/alternate_6e.py",
]
model = dict(strategy=dict(_delete_=True, type="SR4IR"))
train_cfg = dict(val_interval=6)
