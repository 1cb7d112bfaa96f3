# Row B2: SR and detector learn in turns.
# Train: python tools/train.py \
#   configs/sr4ir/instance-sr-nano-x4_gfl_mobilenet-v2_sr4ir_aerial-cars.py
# Test:  python tools/test.py \
#   configs/sr4ir/instance-sr-nano-x4_gfl_mobilenet-v2_sr4ir_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/instance_sr_nano_x4.py",
    "../_base_/schedules/alternate_6e.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(
        editor="work_dirs/instance-sr-nano-x4_aerial-cars_encoder/iter_1000.pth",
        detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth",
    ),
    strategy=dict(type="SR4IR"),
)
train_cfg = dict(val_interval=6)
