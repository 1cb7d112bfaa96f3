# Row B2 with a plain network: SR and detector in turns, as published.
# Train: python tools/train.py \
#   configs/sr4ir/edsr-small-x8_gfl_mobilenet-v2_sr4ir_drone-cars.py
# Test:  python tools/test.py \
#   configs/sr4ir/edsr-small-x8_gfl_mobilenet-v2_sr4ir_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/drone_cars_x8.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/edsr_small_x8.py",
    "../_base_/schedules/alternate_6e.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(
        editor="work_dirs/edsr-small-x8_drone-cars/iter_3000.pth",
        detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth",
    ),
    strategy=dict(type="SR4IR"),
)
train_cfg = dict(val_interval=6)
