# SR taught by a fixed detector that was trained on HR (T -> S).
# Train: python tools/train.py \
#   configs/task_driven/edsr-small-x8_gfl_mobilenet-v2_task-driven_drone-cars.py
# Test:  python tools/test.py \
#   configs/task_driven/edsr-small-x8_gfl_mobilenet-v2_task-driven_drone-cars.py CHECKPOINT
_base_ = ["../plain/edsr-small-x8_gfl_mobilenet-v2_finetuned_drone-cars.py"]
model = dict(
    checkpoints=dict(detector="work_dirs/gfl_mobilenet-v2_hr_drone-cars/epoch_6.pth"),
    strategy=dict(_delete_=True, type="TaskDriven", detection_weight=0.2),
)
