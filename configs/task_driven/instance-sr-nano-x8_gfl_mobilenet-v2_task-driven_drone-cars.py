# SR taught by a fixed detector that was trained on HR (T -> S).
# Train: python tools/train.py \
#   configs/task_driven/instance-sr-nano-x8_gfl_mobilenet-v2_task-driven_drone-cars.py
# Test:  python tools/test.py \
#   configs/task_driven/instance-sr-nano-x8_gfl_mobilenet-v2_task-driven_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/drone_cars_x8.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/instance_sr_nano_x8.py",
    "../_base_/schedules/finetune_6e.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(
        editor="work_dirs/instance-sr-nano-x8_drone-cars/iter_2400.pth",
        detector="work_dirs/gfl_mobilenet-v2_hr_drone-cars/epoch_6.pth",
    ),
    strategy=dict(type="TaskDriven", detection_weight=0.2),
)
train_cfg = dict(val_interval=6)
