_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4_jpeg_editor.py",
    "../_base_/editors/cajnn_nano_x4.py",
    "../_base_/schedules/cajnn_1k.py",
]
model = _base_.editor
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=250),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
