# The ablation: a head restores the LR image too, by a loss of weight 1; without it this is
# cajnn-nano-x4_aerial-cars.py.
# Train: python tools/train.py configs/cajnn/cajnn-nano-x4_lr-loss_aerial-cars.py
# Test:  python tools/test.py configs/cajnn/cajnn-nano-x4_lr-loss_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4_jpeg_editor.py",
    "../_base_/editors/cajnn_nano_x4.py",
    "../_base_/schedules/cajnn_1k.py",
]
model = dict(lr_weight=1.0, **_base_.editor)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=250),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
