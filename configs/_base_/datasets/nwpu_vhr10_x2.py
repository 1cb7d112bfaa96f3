# NWPU VHR-10, 650 images with objects, LR at x1/2, in COCO format
_base_ = "coco_pair.py"
data_root = "data/nwpu_vhr10/"
metainfo = dict(
    classes=(
        "airplane",
        "ship",
        "storage-tank",
        "baseball-diamond",
        "tennis-court",
        "basketball-court",
        "ground-track-field",
        "harbor",
        "bridge",
        "vehicle",
    )
)
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img="positive image set/"))
scale = 2
augment = [dict(type="mmdet.RandomFlip", prob=0.5), dict(type="mmisr.RandomTurn")]
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
train_pipeline = [*_base_.load, *augment, *degrade]
test_pipeline = [*_base_.load, *degrade]
train_dataloader = dict(
    num_workers=4, dataset=dict(times=1, dataset=dict(pipeline=train_pipeline, **data))
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **data))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type="mmisr.SizeBinnedCocoMetric", protocol="coco")
test_evaluator = val_evaluator
