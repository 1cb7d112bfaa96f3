# ClassSR's published protocol: trained on DIV2K, tested on Test2K (Test4K, Test8K: change data_root
# of the test data), images in COCO format without annotations (one category, "any"):
# data/div2k/train.json and train/*.png, data/test2k/val.json and images/*.png.
# The published training adds copies of DIV2K at .9, .8, .7 and .6 of its size: put them into
# train.json as images of their own.
# The test crops what the last whole tile leaves, as the official code does.
_base_ = "../datasets/coco_editor.py"
scale = 4
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRInputs"),
]
load = [
    dict(type="mmisr.LoadImage", keep=8),
    dict(type="mmdet.LoadAnnotations", with_bbox=True),
]
train_pipeline = [
    *load,
    dict(type="mmisr.ClassPatch", classes="data/div2k/classes_x4.json"),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    *degrade,
]
test_pipeline = [*load, dict(type="mmisr.CropToTiles", size=128, stride=112), *degrade]
metainfo = dict(classes=("any",))
train_dataloader = dict(
    batch_size=48,
    num_workers=8,
    dataset=dict(
        data_root="data/div2k/",
        data_prefix=dict(img="train/"),
        metainfo=metainfo,
        need_boxes=False,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root="data/test2k/",
        data_prefix=dict(img="images/"),
        metainfo=metainfo,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = [dict(type="mmisr.MagicQuality", crop_border=0)]
test_evaluator = val_evaluator
