# Row C1: SR and detector learn in turns, both from the HR detector; the task's gradient reaches
# deep tokens alone.
# Train: python tools/train.py \
#   configs/hr_distill/instance-sr-nano-x8_gfl_mobilenet-v2_hr-distill_drone-cars.py
# Test:  python tools/test.py \
#   configs/hr_distill/instance-sr-nano-x8_gfl_mobilenet-v2_hr-distill_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x8_drone_cars.py",
    "../_base_/schedules/alternate_6e.py",
]
model = dict(
    strategy=dict(
        _delete_=True,
        type="HRDistill",
        teacher="work_dirs/gfl_mobilenet-v2_hr_drone-cars/epoch_6.pth",
        restore=dict(),
    )
)
train_cfg = dict(val_interval=6)
