# CAJNN's published protocol: trained on DIV2K and Flickr2K, tested on Set5 (Set14, BSD100,
# Urban100, Manga109: change data_root of the test data) at one JPEG quality, PSNR and SSIM of luma.
# Images in COCO format without annotations (one category, "any"): data/df2k/train.json and
# train/*.png of both sets, data/set5/val.json and images/*.png.
_base_ = "../datasets/coco_editor.py"
scale = 4
quality = 10
load = [
    dict(type="mmisr.LoadImage", keep=8),
    dict(type="mmdet.LoadAnnotations", with_bbox=True),
]
reduce = dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic")
pack = dict(type="mmisr.PackSRInputs")
train_pipeline = [
    *load,
    dict(type="mmisr.RandomPatch", size=128),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    dict(jpeg_quality=(10, 100), seed=None, **reduce),
    pack,
]
test_pipeline = [
    *load,
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(jpeg_quality=(quality, quality), seed=0, **reduce),
    pack,
]
metainfo = dict(classes=("any",))
train_dataloader = dict(
    batch_size=36,
    num_workers=8,
    dataset=dict(
        data_root="data/df2k/",
        data_prefix=dict(img="train/"),
        metainfo=metainfo,
        need_boxes=False,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root="data/set5/",
        data_prefix=dict(img="images/"),
        metainfo=metainfo,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = [dict(type="mmisr.MagicQuality", crop_border=scale, convert_to="Y")]
test_evaluator = val_evaluator
