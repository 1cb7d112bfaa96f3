# Row B0-: the network of B0 without pixels, by the detector's losses alone: is it capacity?
# Train: python tools/train.py \
#   configs/instance_sr/instance-sr-dense-x8_gfl_mobilenet-v2_task-only_drone-cars.py
# Test:  python tools/test.py \
#   configs/instance_sr/instance-sr-dense-x8_gfl_mobilenet-v2_task-only_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/drone_cars_x8.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/instance_sr_nano_x8.py",
    "../_base_/schedules/finetune_6e.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
_base_.editor.router = "all-hard"
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth"),
    strategy=dict(type="Joint", pixel_weight=0.0),
)
train_cfg = dict(val_interval=6)
