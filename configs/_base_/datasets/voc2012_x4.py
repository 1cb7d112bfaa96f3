# VOC2012 as SR4IR has it: 5,717 images of `train`, 5,823 of `val`, difficult boxes among the
# others, LR by bicubic interpolation without antialias. First:
# python tools/data/to_coco.py voc2012 data/VOCdevkit/VOC2012 --out data/VOCdevkit/VOC2012
_base_ = "coco_pair.py"
data_root = "data/VOCdevkit/VOC2012/"
metainfo = dict(
    classes=(
        "aeroplane",
        "bicycle",
        "bird",
        "boat",
        "bottle",
        "bus",
        "car",
        "cat",
        "chair",
        "cow",
        "diningtable",
        "dog",
        "horse",
        "motorbike",
        "person",
        "pottedplant",
        "sheep",
        "sofa",
        "train",
        "tvmonitor",
    )
)
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img=""))
scale = 4
augment = [dict(type="mmdet.RandomFlip", prob=0.5)]
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="torch_bicubic_noaa", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
train_pipeline = [*_base_.load, *augment, *degrade]
test_pipeline = [*_base_.load, *degrade]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    dataset=dict(times=1, dataset=dict(pipeline=train_pipeline, **data)),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **data))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type="mmisr.SizeBinnedCocoMetric", protocol="coco")
test_evaluator = val_evaluator
