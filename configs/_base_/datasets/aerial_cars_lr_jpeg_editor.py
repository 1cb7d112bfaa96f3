# The first of two steps, on aerial cars (KIT AIS Vehicles, CC BY 3.0): JPEG artifacts are removed
# from LR images (bicubic x1/4, then quality 10 to 100); the target is the clean LR image. The same
# pixels as those of aerial_cars_x4_jpeg_editor.py.
_base_ = "aerial_cars_x4_editor.py"
scale = 1
reduction = 4
load = [
    dict(type="mmisr.LoadImage", keep=64, backend_args=_base_.backend_args),
    dict(type="mmdet.LoadAnnotations", with_bbox=True, backend_args=_base_.backend_args),
]
augment = [
    dict(type="mmisr.RandomPatch", size=128, around_box=0.5),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
]
quality = (10, 100)
crop = dict(type="mmisr.CropToMultiple", multiple=reduction)
reduce = dict(type="mmisr.ReduceImage", scale=reduction)
compress = dict(type="mmisr.SimulateLR", scale=scale, jpeg_quality=quality)
pack = dict(type="mmisr.PackSRInputs")
train_pipeline = [*load, *augment, reduce, dict(seed=None, **compress), pack]
test_pipeline = [*load, crop, reduce, dict(seed=0, **compress), pack]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type="mmisr.MagicQuality", crop_border=0),
    dict(type="mmisr.RegionQuality"),
]
test_evaluator = val_evaluator
