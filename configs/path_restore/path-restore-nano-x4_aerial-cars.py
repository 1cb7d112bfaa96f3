# Path-Restore-nano x4 alone, both stages, on patches of 63 LR pixels. Not trained here.
# Train: python tools/train.py configs/path_restore/path-restore-nano-x4_aerial-cars.py
# Test:  python tools/test.py configs/path_restore/path-restore-nano-x4_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4_editor.py",
    "../_base_/editors/path_restore_nano_x4.py",
    "../_base_/schedules/path_restore_2stage.py",
]
model = _base_.editor
train_pipeline = [
    *_base_.load,
    dict(type="mmisr.RandomPatch", size=252, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    *_base_.degrade,
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=200),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
