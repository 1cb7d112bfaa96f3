# The task of a pair, for any data set in COCO format: LR simulated at x1/4, boxes in the source
# (HR) frame, size bins in the LR frame. A data set inherits this and says where its files are and
# what its classes are called: tree_crowns_x4.py.
backend_args = None
scale = 4

load = [
    dict(type="mmisr.LoadImage", backend_args=backend_args),
    dict(type="mmdet.LoadAnnotations", with_bbox=True, backend_args=backend_args),
]
augment = [
    dict(type="mmisr.RandomPatch", size=256, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
]
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
train_pipeline = [*load, *augment, *degrade]
test_pipeline = [*load, *degrade]

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="RepeatDataset",
        times=8,
        dataset=dict(
            type="mmisr.SRCocoDataset",
            ann_file="train.json",
            filter_cfg=dict(filter_empty_gt=False),
            backend_args=backend_args,
            pipeline=train_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmisr.SRCocoDataset",
        ann_file="val.json",
        test_mode=True,
        backend_args=backend_args,
        unreadable="error",
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="mmisr.SizeBinnedCocoMetric", protocol="aitod", max_dets=500)
test_evaluator = val_evaluator
