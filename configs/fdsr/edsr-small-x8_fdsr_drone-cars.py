# A small EDSR x8 alone, as ../plain/edsr-small-x8_drone-cars.py, by pixels and by the features of a
# detector that was trained on HR. Not trained here.
# First: python tools/train.py configs/detectors/gfl_mobilenet-v2_hr_drone-cars.py
# Train: python tools/train.py configs/fdsr/edsr-small-x8_fdsr_drone-cars.py
# Test:  python tools/test.py configs/fdsr/edsr-small-x8_fdsr_drone-cars.py CHECKPOINT
_base_ = [
    "../plain/edsr-small-x8_drone-cars.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    pixel_loss=dict(
        type="mmisr.FDSRLoss",
        detector=detector,
        checkpoint="work_dirs/gfl_mobilenet-v2_hr_drone-cars/epoch_6.pth",
        weight=0.005,
    ),
)
