# InstanceSR-nano x4 and the detector that was trained on HR aerial cars, on drone cars.
_base_ = [
    "../default_runtime.py",
    "../datasets/drone_cars_x4.py",
    "../detectors/gfl_mobilenet-v2_gn_1class.py",
    "../editors/instance_sr_nano_x4.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(
        editor="work_dirs/instance-sr-nano-x4_drone-cars/iter_2400.pth",
        detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth",
    ),
    strategy=dict(type="Frozen"),
)
