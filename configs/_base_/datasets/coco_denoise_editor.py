# The task of an editor that denoises (scale 1), for any data set in COCO format. Gaussian noise; in
# training of one standard deviation of 0 to 50 per patch; in tests 0 at the left border, growing to
# 50 at the right, so that every image has all of them.
_base_ = "coco_editor.py"
scale = 1
patch = 63
augment = [
    dict(type="mmisr.RandomPatch", size=patch, around_box=0.3),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
]
noise = [
    dict(type="mmisr.SimulateLR", scale=scale, noise_sigma=(0, 50), seed=None),
    dict(type="mmisr.PackSRInputs"),
]
linear_noise = [
    dict(type="mmisr.SimulateLR", scale=scale, recipe="linear_noise", seed=0),
    dict(type="mmisr.PackSRInputs"),
]
train_pipeline = [*_base_.load, *augment, *noise]
test_pipeline = [*_base_.load, *linear_noise]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type="mmisr.MagicQuality", crop_border=0),
    dict(type="mmisr.RegionQuality"),
]
test_evaluator = val_evaluator
