# Row B2: SR and detector in turns, as published; each part with the optimiser of its kind.
# Train: python tools/train.py \
#   configs/sr4ir/edsr-small-x8_gfl_mobilenet-v2_sr4ir_drone-cars.py
# Test:  python tools/test.py \
#   configs/sr4ir/edsr-small-x8_gfl_mobilenet-v2_sr4ir_drone-cars.py CHECKPOINT
_base_ = ["../plain/edsr-small-x8_gfl_mobilenet-v2_finetuned_drone-cars.py"]
model = dict(strategy=dict(_delete_=True, type="SR4IR"))
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
