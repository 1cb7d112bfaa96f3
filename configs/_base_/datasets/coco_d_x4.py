# COCO, tested as COCO-d is: images at a quarter of their size by a mode drawn per image. Its blurs
# and noises have recipes of their own, coco_d_... (docs/howto/add_a_data_set.md), at scale 1.
_base_ = "coco_pair.py"
data_root = "data/coco/"
metainfo = dict(
    classes=(
        "person",
        "bicycle",
        "car",
        "motorcycle",
        "airplane",
        "bus",
        "train",
        "truck",
        "boat",
        "traffic light",
        "fire hydrant",
        "stop sign",
        "parking meter",
        "bench",
        "bird",
        "cat",
        "dog",
        "horse",
        "sheep",
        "cow",
        "elephant",
        "bear",
        "zebra",
        "giraffe",
        "backpack",
        "umbrella",
        "handbag",
        "tie",
        "suitcase",
        "frisbee",
        "skis",
        "snowboard",
        "sports ball",
        "kite",
        "baseball bat",
        "baseball glove",
        "skateboard",
        "surfboard",
        "tennis racket",
        "bottle",
        "wine glass",
        "cup",
        "fork",
        "knife",
        "spoon",
        "bowl",
        "banana",
        "apple",
        "sandwich",
        "orange",
        "broccoli",
        "carrot",
        "hot dog",
        "pizza",
        "donut",
        "cake",
        "chair",
        "couch",
        "potted plant",
        "bed",
        "dining table",
        "toilet",
        "tv",
        "laptop",
        "mouse",
        "remote",
        "keyboard",
        "cell phone",
        "microwave",
        "oven",
        "toaster",
        "sink",
        "refrigerator",
        "book",
        "clock",
        "vase",
        "scissors",
        "teddy bear",
        "hair drier",
        "toothbrush",
    )
)
data = dict(data_root=data_root, metainfo=metainfo)
train = dict(ann_file="annotations/instances_train2017.json", data_prefix=dict(img="train2017/"))
val = dict(ann_file="annotations/instances_val2017.json", data_prefix=dict(img="val2017/"))
scale = 4
augment = [
    dict(type="mmisr.RandomPatch", size=512, around_box=0.5),
    dict(type="mmdet.RandomFlip", prob=0.5),
]
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="coco_d_resolution", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
train_pipeline = [*_base_.load, *augment, *degrade]
test_pipeline = [*_base_.load, *degrade]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    dataset=dict(times=5, dataset=dict(pipeline=train_pipeline, **train, **data)),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **val, **data))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type="mmisr.SizeBinnedCocoMetric", protocol="coco")
test_evaluator = val_evaluator
