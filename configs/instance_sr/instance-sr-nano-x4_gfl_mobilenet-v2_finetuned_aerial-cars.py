# Row C0: SR fixed, the detector trained on, so that it knows routed output: smooth
# background beside sharp instances.
# Train: python tools/train.py \
#   configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_finetuned_aerial-cars.py
# Test:  python tools/test.py \
#   configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_finetuned_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/instance_sr_nano_x4.py",
    "../_base_/schedules/finetune_6e.py",
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
    strategy=dict(type="Frozen"),
)
train_cfg = dict(val_interval=6)
