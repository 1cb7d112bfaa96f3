_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_lr_jpeg_editor.py",
    "../_base_/schedules/cajnn_1k.py",
]
model = dict(type="mmisr.CAJNN", scale=1, size=dict(channels=14, growth=7, blocks=1))
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=250),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
