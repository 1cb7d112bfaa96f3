# CAJNN-nano x4 and the detector that was trained on HR, on drone cars with JPEG artifacts.
_base_ = [
    "../default_runtime.py",
    "../datasets/drone_cars_x4_jpeg.py",
    "../detectors/gfl_mobilenet-v2_gn_1class.py",
    "../editors/cajnn_nano_x4.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(
        editor="work_dirs/cajnn-nano-x4_drone-cars/iter_1000.pth",
        detector="work_dirs/gfl_mobilenet-v2_hr_drone-cars/epoch_6.pth",
    ),
    strategy=dict(type="Frozen"),
)
