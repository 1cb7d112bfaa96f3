# SRFBN x4, the network without modulation, in its own protocol: batches of 16 patches of 40 LR
# pixels, flips and turns, batches whose loss triples skipped. Not trained here: days on a GPU.
# Train: tools/dist_train.sh configs/instance_modulation/srfbn-x4_div2k.py 1
# Test:  python tools/test.py configs/instance_modulation/srfbn-x4_div2k.py CHECKPOINT
# Data, in COCO format with no annotations (one category, "any"): data/div2k/train.json with
# train/*.png, data/set5/val.json with images/*.png.
# Quoted from the paper, not measured here: 38.11 dB on Set5, at x2.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/coco_editor.py",
    "../_base_/schedules/srfbn_1000e.py",
]
model = dict(
    type="mmisr.InstanceModulation",
    scale=4,
    size="paper",
    steps=4,
    prior="none",
    skip_above=3,
)
augment = [
    dict(type="mmisr.RandomPatch", size=160, around_box=0.0),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
]
metainfo = dict(classes=("any",))
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    dataset=dict(
        data_root="data/div2k/",
        data_prefix=dict(img="train/"),
        metainfo=metainfo,
        need_boxes=False,
        pipeline=[*_base_.load, *augment, *_base_.degrade],
    ),
)
val_dataloader = dict(
    dataset=dict(data_root="data/set5/", data_prefix=dict(img="images/"), metainfo=metainfo)
)
test_dataloader = val_dataloader
val_evaluator = [dict(type="mmisr.MagicQuality", crop_border=4)]
test_evaluator = val_evaluator
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=5000),
    logger=dict(interval=100, log_metric_by_epoch=False),
)
