# The pair from an mmdet config, as you would write it for yours: SR fixed, YOLOX trained on its
# output.
# Train: python tools/train.py \
#   configs/instance_sr/instance-sr-nano-x4_yolox-tiny_frozen_tree-crowns.py --auto-scale-lr
# Test:  python tools/test.py \
#   configs/instance_sr/instance-sr-nano-x4_yolox-tiny_frozen_tree-crowns.py CHECKPOINT
# Not trained here.
_base_ = ["mmdet::yolox/yolox_tiny_8xb8-300e_coco.py"]
custom_imports = dict(
    imports=["mmisr.registry", "mmisr.openmmlab.mmagic_nets"], allow_failed_imports=False
)

detector = _base_.model
detector.bbox_head.num_classes = 1
model = dict(
    _delete_=True,
    type="mmisr.SRDetector",
    editor=dict(
        type="mmisr.InstanceSR",
        scale=4,
        size="nano",
        execution=dict(halo=2, all_hard_if_faster=True),
        checkpoint="checkpoints/instance-sr-nano-x4_tree-crowns.pth",
    ),
    detector=detector,
    # The detector is trained here, on SR at its own size; with weights of the base config it would
    # be dict(scale=(416, 416)).
    handoff=dict(resize=dict(factor=1.0)),
    strategy=dict(type="Frozen"),
)

load = [dict(type="mmisr.LoadImage"), dict(type="mmdet.LoadAnnotations", with_bbox=True)]
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=4),
    dict(type="mmisr.SimulateLR", scale=4, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
augment = [
    dict(type="mmisr.RandomPatch", size=320, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
]
data = dict(
    type="mmisr.SRCocoDataset", data_root="data/tree_crowns/", metainfo=dict(classes=("tree",))
)
train_dataloader = dict(
    _delete_=True,
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        ann_file="train.json",
        data_prefix=dict(img="train/"),
        pipeline=[*load, *augment, *degrade],
        **data,
    ),
)
val_dataloader = dict(
    _delete_=True,
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        ann_file="val.json",
        data_prefix=dict(img="val/"),
        test_mode=True,
        pipeline=[*load, *degrade],
        **data,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True, type="mmisr.SizeBinnedCocoMetric", protocol="aitod", max_dets=500
)
test_evaluator = val_evaluator
# Without the hook that ends Mosaic and MixUp, which this data set does not have.
custom_hooks = [hook for hook in _base_.custom_hooks if hook.type != "YOLOXModeSwitchHook"]
