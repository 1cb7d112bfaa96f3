# The task of a plain mmdet detector on HR images, for any data set in COCO format, with mmdet's own
# transforms, data set and metric. A data set inherits this and says where its files are and what
# its classes are called: tree_crowns_hr.py.
backend_args = None

train_pipeline = [
    dict(type="mmdet.LoadImageFromFile", backend_args=backend_args),
    dict(type="mmdet.LoadAnnotations", with_bbox=True, backend_args=backend_args),
    dict(type="mmdet.RandomCrop", crop_size=(256, 256), allow_negative_crop=True),
    dict(type="mmdet.RandomFlip", prob=0.5, direction=["horizontal", "vertical", "diagonal"]),
    dict(type="mmdet.PackDetInputs"),
]
test_pipeline = [
    dict(type="mmdet.LoadImageFromFile", backend_args=backend_args),
    dict(type="mmdet.Resize", scale_factor=1.0, keep_ratio=True),
    dict(type="mmdet.LoadAnnotations", with_bbox=True, backend_args=backend_args),
    dict(
        type="mmdet.PackDetInputs",
        meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    ),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="RepeatDataset",
        times=8,
        dataset=dict(
            type="mmdet.CocoDataset",
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
        type="mmdet.CocoDataset",
        ann_file="val.json",
        test_mode=True,
        backend_args=backend_args,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type="mmdet.CocoMetric",
    metric="bbox",
    proposal_nums=(100, 300, 1000),
    backend_args=backend_args,
)
test_evaluator = val_evaluator
