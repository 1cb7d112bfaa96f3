# The small EDSR x4, trained on clean LR images, taught on by a fixed detector that was trained on
# HR: what the task makes of its features.
# Train: python tools/train.py \
#   configs/task_driven/edsr-small-x4_gfl_mobilenet-v2_task-driven_aerial-cars.py
# Test:  python tools/test.py \
#   configs/task_driven/edsr-small-x4_gfl_mobilenet-v2_task-driven_aerial-cars.py CHECKPOINT
# Its clusters after 68 iterations of 2, measured here: docs/howto/look_inside.md
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/edsr_small_x4.py",
    "../_base_/schedules/finetune_6e.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(
        editor="work_dirs/edsr-small-x4_aerial-cars/iter_1000.pth",
        detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth",
    ),
    strategy=dict(type="TaskDriven", detection_weight=0.2),
)
train_cfg = dict(val_interval=6)
