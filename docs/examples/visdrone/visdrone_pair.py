# Bicubic x2 in front of a detector with the ten classes of VisDrone.
# Train: python tools/train.py docs/examples/visdrone/visdrone_pair.py
_base_ = [
    "mmisr::_base_/default_runtime.py",
    "mmisr::_base_/detectors/gfl_mobilenet-v2_1class.py",
    "visdrone_x2.py",
]
detector = _base_.detector
detector.bbox_head.num_classes = 10
model = dict(
    type="mmisr.SRDetector", editor=dict(type="mmisr.Resample", scale=2), detector=detector
)

train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=12)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.02))
param_scheduler = [
    dict(type="CosineAnnealingLR", by_epoch=True, begin=0, end=12, convert_to_iter_based=True)
]
