# VisDrone-DET at x1/2, for a pair: LR simulated, boxes in the pixels of the image files.
# First: python docs/examples/visdrone/visdrone_to_coco.py data/visdrone/train data/visdrone/val
data_root = "data/visdrone/"
metainfo = dict(
    classes=(
        "pedestrian", "people", "bicycle", "car", "van",
    "truck", "tricycle", "awning-tricycle", "bus", "motor",
    )
)  # fmt: skip
scale = 2

load = [dict(type="mmisr.LoadImage"), dict(type="mmdet.LoadAnnotations", with_bbox=True)]
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
augment = [
    dict(type="mmisr.RandomPatch", size=512, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
]
# The benchmark has a few boxes without area; the log says how many were dropped.
data = dict(type="mmisr.SRCocoDataset", data_root=data_root, metainfo=metainfo, bad_boxes="clip")

train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        ann_file="train/coco.json",
        data_prefix=dict(img="train/images/"),
        pipeline=[*load, *augment, *degrade],
        **data,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        ann_file="val/coco.json",
        data_prefix=dict(img="val/images/"),
        pipeline=[*load, *degrade],
        test_mode=True,
        **data,
    ),
)
test_dataloader = val_dataloader
# Sizes count in LR pixels; the benchmark's own cap of 500 detections.
val_evaluator = dict(type="mmisr.SizeBinnedCocoMetric", protocol="coco", max_dets=500)
test_evaluator = val_evaluator
