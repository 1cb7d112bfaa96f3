# Row B3: SR and detector in turns, both taught by the detector that was trained on HR.
# Train: python tools/train.py \
#   configs/hr_distill/edsr-small-x8_gfl_mobilenet-v2_hr-distill_drone-cars.py
# Test:  python tools/test.py \
#   configs/hr_distill/edsr-small-x8_gfl_mobilenet-v2_hr-distill_drone-cars.py CHECKPOINT
_base_ = ["../plain/edsr-small-x8_gfl_mobilenet-v2_finetuned_drone-cars.py"]
model = dict(
    strategy=dict(
        _delete_=True,
        type="HRDistill",
        teacher="work_dirs/gfl_mobilenet-v2_hr_drone-cars/epoch_6.pth",
        restore=dict(),
    ),
)
optim_wrapper = dict(
    _delete_=True,
    constructor="mmisr.PartOptimWrapperConstructor",
    editor=dict(
        type="OptimWrapper",
        optimizer=dict(type="AdamW", lr=2e-4),
        clip_grad=dict(max_norm=10, norm_type=2),
    ),
    detector=dict(
        type="OptimWrapper",
        optimizer=dict(type="AdamW", lr=2e-4, weight_decay=0.02),
        paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
        clip_grad=dict(max_norm=10, norm_type=2),
    ),
)
