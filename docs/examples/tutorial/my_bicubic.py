# Your detector behind the simplest editor, on your data.
_base_ = ["my_detector.py"]
custom_imports = dict(
    imports=["mmisr.registry", "mmisr.openmmlab.mmagic_nets"], allow_failed_imports=False
)

model = dict(
    _delete_=True,
    type="mmisr.SRDetector",
    editor=dict(type="mmisr.Resample", scale=4, mode="bicubic"),
    detector=_base_.model,
    checkpoints=dict(detector="checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth"),  # yours
    # This detector was trained on images at their own size. Yours: what the Resize of your test
    # pipeline says, for example dict(scale=(1333, 800)).
    handoff=dict(resize=dict(factor=1.0)),
)

# Your data: the folder, its two annotation files, where the images are, your classes.
data = dict(
    type="mmisr.SRCocoDataset", data_root="data/tree_crowns/", metainfo=dict(classes=("tree",))
)
train_files = dict(ann_file="train.json", data_prefix=dict(img="train/"))
val_files = dict(ann_file="val.json", data_prefix=dict(img="val/"))

load = [dict(type="mmisr.LoadImage"), dict(type="mmdet.LoadAnnotations", with_bbox=True)]
augment = [
    dict(type="mmisr.RandomPatch", size=256, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
]
# HR -> LR; images that are LR already need dict(type="mmisr.NativeLR") instead of the first two
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=4),
    dict(type="mmisr.SimulateLR", scale=4, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
train_dataloader = dict(
    _delete_=True,
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(**data, **train_files, pipeline=[*load, *augment, *degrade]),
)
val_dataloader = dict(
    _delete_=True,
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(**data, **val_files, pipeline=[*load, *degrade], test_mode=True),
)
test_dataloader = val_dataloader
# Bins of AI-TOD, whose objects are small; "coco" has COCO's. Measured in LR pixels.
val_evaluator = dict(
    _delete_=True, type="mmisr.SizeBinnedCocoMetric", protocol="aitod", max_dets=500
)
test_evaluator = val_evaluator

# A short schedule, for a detector that is trained already. It is here so that every pair is trained
# alike.
train_cfg = dict(max_epochs=6, val_interval=6)
optim_wrapper = dict(
    _delete_=True, type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.02)
)
param_scheduler = [
    dict(
        type="CosineAnnealingLR",
        eta_min=1e-6,
        by_epoch=True,
        begin=0,
        end=6,
        convert_to_iter_based=True,
    )
]
auto_scale_lr = dict(base_batch_size=8)
