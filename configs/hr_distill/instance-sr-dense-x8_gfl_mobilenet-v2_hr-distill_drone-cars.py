# Row B3: every token deep, SR and detector learn in turns, both from the HR detector.
# Train: python tools/train.py \
#   configs/hr_distill/instance-sr-dense-x8_gfl_mobilenet-v2_hr-distill_drone-cars.py
# Test:  python tools/test.py \
#   configs/hr_distill/instance-sr-dense-x8_gfl_mobilenet-v2_hr-distill_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x8_drone_cars.py",
    "../_base_/schedules/alternate_6e.py",
]
model = dict(
    editor=dict(router="all-hard"),
    strategy=dict(
        _delete_=True,
        type="HRDistill",
        teacher="work_dirs/gfl_mobilenet-v2_hr_drone-cars/epoch_6.pth",
        restore=dict(),
    ),
)
train_cfg = dict(val_interval=6)
