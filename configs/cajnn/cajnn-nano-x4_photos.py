# CAJNN-nano x4 on natural photos with JPEG artifacts of quality 10 to 100. Not trained here.
# Train: python tools/train.py configs/cajnn/cajnn-nano-x4_photos.py
# Test:  python tools/test.py configs/cajnn/cajnn-nano-x4_photos.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/photos_x4_editor.py",
    "../_base_/editors/cajnn_nano_x4.py",
    "../_base_/schedules/cajnn_1k.py",
]
model = _base_.editor
quality = (10, 100)
reduce = dict(type="mmisr.SimulateLR", scale=4, recipe="matlab_bicubic", jpeg_quality=quality)
pack = dict(type="mmisr.PackSRInputs")
train_pipeline = [
    dict(type="mmisr.LoadImage", keep=64),
    dict(type="mmdet.LoadAnnotations", with_bbox=True),
    dict(type="mmisr.RandomPatch", size=128),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    dict(seed=None, **reduce),
    pack,
]
crop = dict(type="mmisr.CropToMultiple", multiple=4)
test_pipeline = [*_base_.load, crop, dict(seed=0, **reduce), pack]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=250),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
