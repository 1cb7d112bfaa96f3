# SFTGAN-nano x4 in front of a fixed detector that was trained on bicubic x4, on aerial cars. That
# detector also looks at the image before SR: what it finds is the map.
_base_ = [
    "../default_runtime.py",
    "../datasets/aerial_cars_x4.py",
    "../detectors/gfl_mobilenet-v2_gn_1class.py",
    "../editors/sftgan_nano_x4.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
trained = "work_dirs/bicubic-x4_gfl_mobilenet-v2_finetuned_aerial-cars/epoch_6.pth"
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(detector=trained),
    strategy=dict(type="TaskDriven", detection_weight=0.0),
    test_cfg=dict(keep_sr=True, prior=dict(score_thr=0.05, checkpoint=trained)),
)
train_pipeline = [
    dict(type="mmisr.LoadImage", keep=32),
    dict(type="mmdet.LoadAnnotations", with_bbox=True),
    dict(type="mmisr.RandomPatch", size=192, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    *_base_.degrade,
]
train_dataloader = dict(
    batch_size=6,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(dataset=dict(pipeline=train_pipeline)),
)
val_evaluator = [_base_.val_evaluator, dict(type="mmisr.RegionQuality")]
test_evaluator = val_evaluator
