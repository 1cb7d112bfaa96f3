# Row A0: the detector trained on, on bicubic pixels. What every method has to beat.
# Train: python tools/train.py configs/resample/bicubic-x4_gfl_mobilenet-v2_finetuned_drone-cars.py
# Test:  python tools/test.py \
#   configs/resample/bicubic-x4_gfl_mobilenet-v2_finetuned_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/drone_cars_x4.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/bicubic_x4.py",
    "../_base_/schedules/finetune_6e.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth"),
    strategy=dict(type="Frozen"),
)
train_cfg = dict(val_interval=6)
