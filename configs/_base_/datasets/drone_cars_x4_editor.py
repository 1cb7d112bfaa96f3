# Drone cars (CC BY-SA): `python tools/data/drone_cars.py --src DIR`
# LR frames of 480x270, objects of 12 to 14 pixels: 6 to 9 % of the tokens hold some.
_base_ = "coco_editor.py"
data_root = "data/drone_cars/"
metainfo = dict(classes=("vehicle",))
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img="images/"))
scale = 4
augment = [
    dict(type="mmisr.RandomPatch", size=192, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
]
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRInputs"),
]
train_pipeline = [*_base_.load, *augment, *degrade]
test_pipeline = [*_base_.load, *degrade]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, **data))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **data))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type="mmisr.MagicQuality", crop_border=scale),
    dict(type="mmisr.RegionQuality"),
]
test_evaluator = val_evaluator
