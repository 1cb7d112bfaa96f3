# A small EDSR x4 on clean LR images: what its features tell apart, beside those of the same
# network on a mix of degradations (edsr-small-x4_degraded_aerial-cars.py).
# Train: python tools/train.py configs/plain/edsr-small-x4_aerial-cars.py
# Test:  python tools/test.py configs/plain/edsr-small-x4_aerial-cars.py CHECKPOINT
# Its clusters after 250 iterations, measured here: docs/howto/look_inside.md
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4_editor.py",
    "../_base_/editors/edsr_small_x4.py",
    "../_base_/schedules/cajnn_1k.py",
]
model = _base_.editor

train_pipeline = [
    dict(type="mmisr.LoadImage", keep=64),
    dict(type="mmdet.LoadAnnotations", with_bbox=True),
    dict(type="mmisr.RandomPatch", size=128, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    *_base_.degrade,
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=250),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
