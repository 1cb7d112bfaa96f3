# The paper's network size in a pair, in SRFBN's protocol: batches of 16 patches of 40 LR pixels,
# Adam 1e-4 halved four times, batches whose loss triples skipped. Not trained here: days on a GPU.
# Train: tools/dist_train.sh \
#   configs/instance_modulation/instance-modulation-x4_gfl_mobilenet-v2_aerial-cars.py 1
# Test:  python tools/test.py \
#   configs/instance_modulation/instance-modulation-x4_gfl_mobilenet-v2_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/schedules/srfbn_1000e.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=dict(
        type="mmisr.InstanceModulation",
        scale=4,
        size="paper",
        steps=4,
        prior="found",
        skip_above=3,
    ),
    detector=detector,
    checkpoints=dict(detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth"),
    strategy=dict(type="TaskDriven", pixel_weight=0, detection_weight=0, editor_weight=1),
    test_cfg=dict(keep_sr=True, prior=dict(score_thr=0.05)),
)
train_pipeline = [
    *_base_.load,
    dict(type="mmisr.RandomPatch", size=160, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    *_base_.degrade,
]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(dataset=dict(pipeline=train_pipeline)),
)
val_evaluator = [
    dict(type="mmisr.SizeBinnedCocoMetric", protocol="aitod", max_dets=500),
    dict(type="mmisr.RegionQuality"),
]
test_evaluator = val_evaluator
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=5000),
    logger=dict(interval=100, log_metric_by_epoch=False),
)
