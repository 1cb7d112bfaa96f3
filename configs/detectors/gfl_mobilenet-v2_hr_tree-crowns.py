# GFL on MobileNetV2, trained on HR pixels: the detector of every arm.
# Weights first: python tools/data/mobilenet_v2.py
# Train:         python tools/train.py configs/detectors/gfl_mobilenet-v2_hr_tree-crowns.py
# The pair with an identity editor is the plain detector, so data, metric and caps are those of
# every other arm.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/tree_crowns_x4.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
]

load = _base_.load
pack = [
    dict(type="mmisr.CropToMultiple", multiple=4),
    dict(type="mmisr.SimulateLR", scale=4, recipe="cv2_area", seed=0),
    dict(type="mmisr.FeedHR"),
    dict(type="mmisr.PackSRDetInputs"),
]
train_pipeline = [
    *load,
    dict(
        type="mmdet.RandomResize",
        scale=[(350, 350), (700, 700)],
        resize_type="mmdet.Resize",
        keep_ratio=True,
    ),
    dict(type="mmisr.RandomPatch", size=256, around_box=0.8),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    dict(
        type="mmdet.PhotoMetricDistortion",
        brightness_delta=20,
        contrast_range=(0.8, 1.2),
        saturation_range=(0.8, 1.2),
        hue_delta=6,
    ),
    *pack,
]
test_pipeline = [*load, *pack]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

model = dict(
    type="mmisr.SRDetector",
    editor=dict(type="mmisr.Resample", scale=1),
    detector=_base_.detector,
    strategy=dict(type="Frozen"),
)

max_epochs = 30
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=5)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.02),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
    clip_grad=dict(max_norm=10, norm_type=2),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(
        type="CosineAnnealingLR",
        eta_min=1e-5,
        begin=0,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)
