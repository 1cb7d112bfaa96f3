# Aerial cars (KIT AIS Vehicles, CC BY 3.0) at their own size, compressed: JPEG of quality 10 to 40,
# drawn per image. What an editor enlarges is then larger than the annotations' frame.
_base_ = "aerial_cars_x4.py"
quality = (10, 40)
test_pipeline = [
    dict(type="mmisr.LoadImage"),
    dict(type="mmdet.LoadAnnotations", with_bbox=True),
    dict(type="mmisr.CropToMultiple", multiple=4),
    dict(type="mmisr.SimulateLR", scale=1, jpeg_quality=quality, seed=0),
    dict(type="mmisr.PackSRDetInputs"),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
