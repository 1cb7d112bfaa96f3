# Row B2: SR and detector in turns, as published; each part with the optimiser of its kind.
# Train: python tools/train.py \
#   configs/sr4ir/edsr-small-x8_gfl_mobilenet-v2_sr4ir_drone-cars.py
# Test:  python tools/test.py \
#   configs/sr4ir/edsr-small-x8_gfl_mobilenet-v2_sr4ir_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/drone_cars_x8.py",
    "../_base_/detectors/gfl_mobilenet-v2_1class.py",
    "../_base_/editors/edsr_small_x8.py",
    "../_base_/schedules/finetune_6e.py",
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
optim_wrapper = dict(
    _delete_=True,
    constructor="mmisr.PartOptimWrapperConstructor",
    editor=dict(
        type="OptimWrapper",
        optimizer=dict(type="AdamW", lr=1e-4),
        clip_grad=dict(max_norm=10, norm_type=2),
    ),
    detector=dict(
        type="OptimWrapper",
        optimizer=dict(type="AdamW", lr=2e-4, weight_decay=0.02),
        paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
        clip_grad=dict(max_norm=10, norm_type=2),
    ),
)
