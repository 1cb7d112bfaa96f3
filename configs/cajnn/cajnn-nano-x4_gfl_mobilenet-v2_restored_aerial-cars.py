# Restore-then-downsample: compressed images of the detector's own size are restored x4 and reduced
# to that size again, so that the detector costs what it costs without SR.
# Weights first: cajnn-nano-x4_aerial-cars.py, ../detectors/gfl_mobilenet-v2_hr_aerial-cars.py
# Test: python tools/test.py configs/cajnn/cajnn-nano-x4_gfl_mobilenet-v2_restored_aerial-cars.py
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_jpeg.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/cajnn_nano_x4.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    handoff=dict(resize=dict(factor=0.25, antialias=True)),
    checkpoints=dict(
        editor="work_dirs/cajnn-nano-x4_aerial-cars/iter_1000.pth",
        detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth",
    ),
    strategy=dict(type="Frozen"),
)
