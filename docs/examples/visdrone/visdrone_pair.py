# Bicubic x4 in front of a detector with the ten classes of VisDrone.
# Data:  python tools/data/to_coco.py visdrone data/VisDrone2019-DET --out data/VisDrone2019-DET
# Train: python tools/train.py docs/examples/visdrone/visdrone_pair.py
_base_ = [
    "mmisr::_base_/default_runtime.py",
    "mmisr::_base_/detectors/gfl_mobilenet-v2_1class.py",
    "mmisr::_base_/datasets/visdrone_x4.py",
]
detector = _base_.detector
detector.bbox_head.num_classes = 10
model = dict(
    type="mmisr.SRDetector", editor=dict(type="mmisr.Resample", scale=4), detector=detector
)

train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=12)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.02))
param_scheduler = [
    dict(type="CosineAnnealingLR", by_epoch=True, begin=0, end=12, convert_to_iter_based=True)
]
