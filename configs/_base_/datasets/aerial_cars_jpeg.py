# Aerial cars (KIT AIS Vehicles, CC BY 3.0) at their own size, compressed: JPEG of quality 10 to 40,
# drawn afresh in training and per image in tests. What an editor enlarges is then larger than the
# annotations' frame.
_base_ = "aerial_cars_x4.py"
scale = 1
multiple = 4
quality = (10, 40)
crop = dict(type="mmisr.CropToMultiple", multiple=multiple)
compress = dict(type="mmisr.SimulateLR", scale=scale, jpeg_quality=quality)
pack = dict(type="mmisr.PackSRDetInputs")
train_pipeline = [*_base_.load, *_base_.augment, dict(seed=None, **compress), pack]
test_pipeline = [*_base_.load, crop, dict(seed=0, **compress), pack]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
