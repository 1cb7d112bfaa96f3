# The task of CAJNN, for any data set in COCO format: LR images are bicubic x1/4, then JPEG of
# quality 10 to 100, drawn afresh in training and per image in tests.
_base_ = "coco_editor.py"
scale = 4
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
crop = dict(type="mmisr.CropToMultiple", multiple=scale)
reduce = dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", jpeg_quality=quality)
pack = dict(type="mmisr.PackSRInputs")
train_pipeline = [*load, *augment, dict(seed=None, **reduce), pack]
test_pipeline = [*load, crop, dict(seed=0, **reduce), pack]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
