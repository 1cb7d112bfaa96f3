# Tree crowns (DeepForest, MIT): `python tools/data/tree_crowns.py`
# Another factor: what makes LR, and the border that the metric leaves out.
_base_ = "tree_crowns_x4_editor.py"
scale = 2
degrade = [
    dict(type="mmisr.CropToMultiple", multiple=scale),
    dict(type="mmisr.SimulateLR", scale=scale, recipe="matlab_bicubic", seed=0),
    dict(type="mmisr.PackSRInputs"),
]
train_pipeline = [*_base_.load, *_base_.augment, *degrade]
test_pipeline = [*_base_.load, *degrade]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type="mmisr.MagicQuality", crop_border=scale),
    dict(type="mmisr.RegionQuality"),
]
test_evaluator = val_evaluator
