# SR taught by a fixed detector that was trained on HR (T -> S).
# Train: python tools/train.py \
#   configs/task_driven/instance-sr-nano-x4_gfl_mobilenet-v2_task-driven_aerial-cars.py
# Test:  python tools/test.py \
#   configs/task_driven/instance-sr-nano-x4_gfl_mobilenet-v2_task-driven_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x4_aerial_cars.py",
    "../_base_/schedules/finetune_6e.py",
]
model = dict(
    checkpoints=dict(detector="work_dirs/gfl_mobilenet-v2_hr-finetuned_aerial-cars/epoch_6.pth"),
    strategy=dict(_delete_=True, type="TaskDriven", detection_weight=0.2),
)
train_cfg = dict(val_interval=6)
