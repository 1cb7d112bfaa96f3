# Drone cars (CC BY-SA): `python tools/data/drone_cars.py --src DIR`
# Another factor: LR frames of 240x135, objects of 6 to 7 pixels. Larger patches keep some around
# them; the border that the metric leaves out.
_base_ = "coco_editor.py"
data_root = "data/drone_cars/"
metainfo = dict(classes=("vehicle",))
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img="images/"))
scale = 8
augment = [
    dict(type="mmisr.RandomPatch", size=320, around_box=0.7),
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
