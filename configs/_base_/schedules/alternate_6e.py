# As finetune_6e.py, with an optimiser for each part: SR and detector learn in turns.
max_epochs = 6
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=3)
optim_wrapper = dict(
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
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(
        type="CosineAnnealingLR",
        eta_min=1e-6,
        begin=0,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)
