# Row D: the detector trained on, on HR pixels: the ceiling, and the teacher of the others.
# Train: python tools/train.py configs/detectors/gfl_mobilenet-v2_hr_drone-cars.py
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/drone_cars_x8.py",
    "../_base_/detectors/gfl_mobilenet-v2_1class.py",
    "../_base_/schedules/finetune_6e.py",
]
*degrade, pack = _base_.degrade
feed_hr = [*degrade, dict(type="mmisr.FeedHR"), pack]
train_pipeline = [*_base_.load, *_base_.augment, *feed_hr]
test_pipeline = [*_base_.load, *feed_hr]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=dict(type="mmisr.Resample", scale=1),
    detector=detector,
    checkpoints=dict(detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth"),
    strategy=dict(type="Frozen"),
)
train_cfg = dict(val_interval=6)
