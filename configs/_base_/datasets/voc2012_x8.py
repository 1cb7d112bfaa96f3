# The same at x8.
_base_ = "voc2012_x4.py"
scale = 8
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="torch_bicubic_noaa", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
train_pipeline = [*_base_.load, *_base_.augment, *degrade]
test_pipeline = [*_base_.load, *degrade]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
