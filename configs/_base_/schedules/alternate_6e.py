# As finetune_6e.py, with an optimiser for each part: SR and detector learn in turns.
_base_ = "finetune_6e.py"
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
