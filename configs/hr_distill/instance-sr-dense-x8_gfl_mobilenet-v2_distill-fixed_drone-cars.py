# Row B1: every token deep, SR fixed, the detector taught by the HR detector.
# Train: python tools/train.py \
#   configs/hr_distill/instance-sr-dense-x8_gfl_mobilenet-v2_distill-fixed_drone-cars.py
# Test:  python tools/test.py \
#   configs/hr_distill/instance-sr-dense-x8_gfl_mobilenet-v2_distill-fixed_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x8_drone_cars.py",
    "../_base_/schedules/finetune_6e.py",
]
model = dict(
    editor=dict(router="all-hard"),
    strategy=dict(
        _delete_=True,
        type="HRDistill",
        teacher="work_dirs/gfl_mobilenet-v2_hr_drone-cars/epoch_6.pth",
    ),
)
train_cfg = dict(val_interval=6)
