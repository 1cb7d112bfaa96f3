# Row D: the detector trained on, on HR pixels: the ceiling, and the teacher of the others.
# Train: python tools/train.py configs/detectors/gfl_mobilenet-v2_hr-finetuned_aerial-cars.py
_base_ = ["../resample/bicubic-x4_gfl_mobilenet-v2_finetuned_aerial-cars.py"]
*degrade, pack = _base_.degrade
feed_hr = [*degrade, dict(type="mmisr.FeedHR"), pack]
train_pipeline = [*_base_.load, *_base_.augment, *feed_hr]
test_pipeline = [*_base_.load, *feed_hr]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(editor=dict(_delete_=True, type="mmisr.Resample", scale=1))
