# Aerial cars (KIT AIS Vehicles, CC BY 3.0): `python tools/data/aerial_cars.py --src DIR`
# For the pair: LR simulated at x1/2, boxes in the source (HR) frame, size bins in the LR frame.
data_root = "data/aerial_cars/"
metainfo = dict(classes=("vehicle",))
backend_args = None
scale = 2

load = [
    dict(type="mmisr.LoadImage", backend_args=backend_args),
    dict(type="mmdet.LoadAnnotations", with_bbox=True, backend_args=backend_args),
]
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
train_pipeline = [
    *load,
    dict(type="mmisr.RandomPatch", size=256, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    *degrade,
]
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
            data_root=data_root,
            ann_file="train.json",
            data_prefix=dict(img="images/"),
            metainfo=metainfo,
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
        data_root=data_root,
        ann_file="val.json",
        data_prefix=dict(img="images/"),
        metainfo=metainfo,
        test_mode=True,
        backend_args=backend_args,
        unreadable="error",
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="mmisr.SizeBinnedCocoMetric", protocol="aitod", max_dets=500)
test_evaluator = val_evaluator
