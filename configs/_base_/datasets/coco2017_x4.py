# COCO 2017 for a pair: LR by bicubic interpolation at x1/4. Is all of it there?
# python tools/data/to_coco.py coco data/coco --out work_dirs
_base_ = "coco_d_x4.py"
scale = 4
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
train_pipeline = [*_base_.load, *_base_.augment, *degrade]
test_pipeline = [*_base_.load, *degrade]
train_dataloader = dict(dataset=dict(times=1, dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
