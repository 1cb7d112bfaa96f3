# Drone cars (CC BY-SA) for a pair: bicubic x1/4, then JPEG of quality 10 to 100, drawn afresh in
# training and per image in tests. Few frames: an epoch reads each nine times.
_base_ = "coco_pair.py"
data_root = "data/drone_cars/"
metainfo = dict(classes=("vehicle",))
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img="images/"))
scale = 4
augment = [
    dict(type="mmisr.RandomPatch", size=320, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
]
quality = (10, 100)
crop = dict(type="mmisr.CropToMultiple", multiple=scale)
reduce = dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", jpeg_quality=quality)
pack = dict(type="mmisr.PackSRDetInputs")
train_pipeline = [*_base_.load, *augment, dict(seed=None, **reduce), pack]
test_pipeline = [*_base_.load, crop, dict(seed=0, **reduce), pack]
train_dataloader = dict(
    batch_size=6, dataset=dict(times=9, dataset=dict(pipeline=train_pipeline, **data))
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **data))
test_dataloader = val_dataloader
