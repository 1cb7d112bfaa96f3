# Row B2 without the patchwork of SR and HR.
# Train: python tools/train.py \
#   configs/sr4ir/instance-sr-dense-x8_gfl_mobilenet-v2_sr4ir-no-mix_drone-cars.py
# Test:  python tools/test.py \
#   configs/sr4ir/instance-sr-dense-x8_gfl_mobilenet-v2_sr4ir-no-mix_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x8_drone_cars.py",
    "../_base_/schedules/alternate_6e.py",
]
model = dict(
    editor=dict(router="all-hard"),
    strategy=dict(_delete_=True, type="SR4IR", versions=["sr", "hr"]),
)
train_cfg = dict(val_interval=6)
