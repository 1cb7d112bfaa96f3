# CAJNN-nano x4 on drone cars with JPEG artifacts of quality 10 to 100. Not trained here.
# Train: python tools/train.py configs/cajnn/cajnn-nano-x4_drone-cars.py
# Test:  python tools/test.py configs/cajnn/cajnn-nano-x4_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/drone_cars_x4_jpeg_editor.py",
    "../_base_/editors/cajnn_nano_x4.py",
    "../_base_/schedules/cajnn_1k.py",
]
model = _base_.editor
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=250),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
