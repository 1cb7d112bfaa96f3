# Row B2, routed: SR and detector learn in turns.
# Train: python tools/train.py \
#   configs/sr4ir/instance-sr-nano-x4_gfl_mobilenet-v2_sr4ir_aerial-cars.py
# Test:  python tools/test.py \
#   configs/sr4ir/instance-sr-nano-x4_gfl_mobilenet-v2_sr4ir_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x4_aerial_cars.py",
    "../_base_/schedules/alternate_6e.py",
]
model = dict(strategy=dict(_delete_=True, type="SR4IR"))
train_cfg = dict(val_interval=6)
