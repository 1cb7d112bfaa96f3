# Aerial cars (KIT AIS Vehicles, CC BY 3.0): `python tools/data/aerial_cars.py --src DIR`
# For an SR editor that is trained and tested alone: LR simulated at x1/2, HR as the target, boxes
# in both frames.
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
    dict(type="mmisr.PackSRInputs"),
]
train_pipeline = [
    *load,
    dict(type="mmisr.RandomPatch", size=160, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    *degrade,
]
test_pipeline = [*load, *degrade]

train_dataloader = dict(
    batch_size=12,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
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
val_evaluator = [
    dict(type="mmisr.MagicQuality", crop_border=scale),
    dict(type="mmisr.RegionQuality"),
]
test_evaluator = val_evaluator
