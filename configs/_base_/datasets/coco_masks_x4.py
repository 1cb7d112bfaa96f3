# COCO with its masks: boxes and masks are read, cropped, flipped and reduced together, and both
# APs are counted, sizes in the LR frame. Another set with masks inherits coco_pair.py alike.
_base_ = "coco_d_x4.py"
scale = 4
load = [
    dict(type="mmisr.LoadImage", backend_args=_base_.backend_args),
    dict(
        type="mmdet.LoadAnnotations",
        with_bbox=True,
        with_mask=True,
        backend_args=_base_.backend_args,
    ),
]
augment = [
    dict(type="mmisr.RandomPatch", size=320, around_box=0.5),
    dict(type="mmdet.RandomFlip", prob=0.5),
]
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
train_pipeline = [*load, *augment, *degrade]
test_pipeline = [*load, *degrade]
train_dataloader = dict(dataset=dict(times=1, dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type="mmisr.SizeBinnedCocoMetric", protocol="coco"),
    dict(type="mmisr.SizeBinnedCocoMetric", protocol="coco", iou_type="segm"),
]
test_evaluator = val_evaluator
