# Row C1: SR and detector learn in turns, both from the HR detector; the task's gradient reaches
# deep tokens alone.
# Train: python tools/train.py \
#   configs/hr_distill/instance-sr-nano-x4_gfl_mobilenet-v2_hr-distill_aerial-cars.py
# Test:  python tools/test.py \
#   configs/hr_distill/instance-sr-nano-x4_gfl_mobilenet-v2_hr-distill_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x4_aerial_cars.py",
    "../_base_/schedules/alternate_6e.py",
]
model = dict(
    strategy=dict(
        _delete_=True,
        type="HRDistill",
        teacher="work_dirs/gfl_mobilenet-v2_hr-finetuned_aerial-cars/epoch_6.pth",
        restore=dict(),
    )
)
train_cfg = dict(val_interval=6)
