# The first of two steps: JPEG artifacts are removed from LR images.
# Train: python tools/train.py configs/cajnn/cajnn-step1-x1_aerial-cars.py
# Test:  python tools/test.py configs/cajnn/cajnn-step1-x1_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_lr_jpeg_editor.py",
    "../_base_/editors/cajnn_two_steps_x4.py",
    "../_base_/schedules/cajnn_1k.py",
]
model = _base_.editor.editors[0]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=250),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
