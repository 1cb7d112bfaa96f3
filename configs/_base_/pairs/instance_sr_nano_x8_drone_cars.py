# InstanceSR-nano x8 and the detector that was trained on HR aerial cars, on drone cars.
_base_ = [
    "../default_runtime.py",
    "../datasets/drone_cars_x8.py",
    "../detectors/gfl_mobilenet-v2_gn_1class.py",
    "../editors/instance_sr_nano_x8.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(
        editor="work_dirs/instance-sr-nano-x8_drone-cars/iter_2400.pth",
        detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth",
    ),
    strategy=dict(type="Frozen"),
)
