# Instance modulation x4 by what a detector finds on bicubic, beside that detector at rest.
# Train: python tools/train.py \
#   configs/instance_modulation/instance-modulation-nano-x4_gfl_mobilenet-v2_aerial-cars.py
# Test:  python tools/test.py \
#   configs/instance_modulation/instance-modulation-nano-x4_gfl_mobilenet-v2_aerial-cars.py \
#   CHECKPOINT
# 600 iterations: 20 minutes on 2 CPU cores (one thread, machine busy).
# *Measured here*, seed 0: AP 0.593, 31.57 dB, 26.38 dB in boxes; bicubic 0.542, 29.44, 24.29.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/instance_modulation_nano_x4.py",
    "../_base_/schedules/instance_modulation_nano.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth"),
    strategy=dict(type="TaskDriven", pixel_weight=0, detection_weight=0, editor_weight=1),
    test_cfg=dict(keep_sr=True, prior=dict(score_thr=0.05)),
)
train_pipeline = [
    *_base_.load,
    dict(type="mmisr.RandomPatch", size=128, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    *_base_.degrade,
]
train_dataloader = dict(
    batch_size=2,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(dataset=dict(pipeline=train_pipeline)),
)
val_evaluator = [
    dict(type="mmisr.SizeBinnedCocoMetric", protocol="aitod", max_dets=500),
    dict(type="mmisr.RegionQuality"),
]
test_evaluator = val_evaluator
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=100),
    logger=dict(interval=20, log_metric_by_epoch=False),
)
