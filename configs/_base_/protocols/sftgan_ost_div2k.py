# SFTGAN's published data as far as COCO format has it: ten crops of OST (seven textures of outdoor
# scenes) to one of DIV2K, which is background; LR by MATLAB's bicubic; flips. In COCO format:
# data/ost/train.json with train/*.png, each image one box of its texture, whole; data/div2k/
# train.json with train/*.png and no boxes; data/ost/val.json with val/*.png.
# Not here: the random scale of HR from 1 to .5.
_base_ = "../datasets/coco_pair.py"
metainfo = dict(classes=("building", "plant", "mountain", "water", "sky", "grass", "animal"))
scale = 4
augment = [
    dict(type="mmisr.RandomPatch", size=96, around_box=0.0),
    dict(type="mmdet.RandomFlip", prob=0.5),
]
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
train_pipeline = [*_base_.load, *augment, *degrade]
part = dict(
    type="mmisr.SRCocoDataset",
    ann_file="train.json",
    data_prefix=dict(img="train/"),
    metainfo=metainfo,
    filter_cfg=dict(filter_empty_gt=False),
    backend_args=_base_.backend_args,
    pipeline=train_pipeline,
)
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    sampler=dict(_delete_=True, type="mmdet.MultiDataSampler", dataset_ratio=[10, 1]),
    dataset=dict(
        _delete_=True,
        type="ConcatDataset",
        datasets=[
            dict(part, data_root="data/ost/"),
            dict(part, data_root="data/div2k/", need_boxes=False),
        ],
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root="data/ost/",
        data_prefix=dict(img="val/"),
        metainfo=metainfo,
        pipeline=[*_base_.load, *degrade],
    )
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type="mmisr.SizeBinnedCocoMetric", protocol="coco"),
    dict(type="mmisr.RegionQuality"),
]
test_evaluator = val_evaluator
