# Drone cars and aerial cars together, for a router that has to know vehicles of both: sizes from 5
# to 16 LR pixels. Patches of 128 LR pixels show it the surroundings; two scenes teach no colours.
_base_ = "../datasets/drone_cars_x4_editor.py"
metainfo = _base_.metainfo
augment = [
    dict(
        type="mmdet.RandomResize",
        scale=(1920, 1080),
        ratio_range=(0.5, 1.25),
        keep_ratio=True,
        resize_type="mmdet.Resize",
    ),
    dict(type="mmisr.RandomPatch", size=512, around_box=0.5),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    dict(type="mmdet.Brightness", prob=0.8, min_mag=0.6, max_mag=1.4),
    dict(type="mmdet.Contrast", prob=0.8, min_mag=0.7, max_mag=1.3),
    dict(type="mmdet.Color", prob=0.5, min_mag=0.1, max_mag=1.5),
    dict(type="RandomGrayscale", prob=0.3, keep_channels=True),
]
train_pipeline = [*_base_.load, *augment, *_base_.degrade]
part = dict(
    type="mmisr.SRCocoDataset",
    ann_file="train.json",
    metainfo=metainfo,
    data_prefix=dict(img="images/"),
    filter_cfg=dict(filter_empty_gt=False),
    backend_args=_base_.backend_args,
    pipeline=train_pipeline,
)
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        _delete_=True,
        type="ConcatDataset",
        datasets=[
            dict(part, data_root="data/drone_cars/"),
            dict(part, data_root="data/drone_cars/"),
            dict(part, data_root="data/aerial_cars/"),
        ],
    ),
)
