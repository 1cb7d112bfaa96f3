# Row B3: every token deep, SR and detector learn in turns, both from the HR detector.
# Train: python tools/train.py \
#   configs/hr_distill/instance-sr-dense-x8_gfl_mobilenet-v2_hr-distill_drone-cars.py
# Test:  python tools/test.py \
#   configs/hr_distill/instance-sr-dense-x8_gfl_mobilenet-v2_hr-distill_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/drone_cars_x8.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/instance_sr_nano_x8.py",
    "../_base_/schedules/alternate_6e.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
_base_.editor.router = "all-hard"
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(
        editor="work_dirs/instance-sr-nano-x8_drone-cars/iter_2400.pth",
        detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth",
    ),
    strategy=dict(
        type="HRDistill",
        teacher="work_dirs/gfl_mobilenet-v2_hr_drone-cars/epoch_6.pth",
        restore=dict(),
    ),
)
train_cfg = dict(val_interval=6)
