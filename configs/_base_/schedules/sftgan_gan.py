# A short run on two CPU cores from weights that were trained by pixels: what is not SFT waits for a
# tenth of it, as the published training does for 20,000 of 600,000 iterations.
max_iters = 300
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(
    constructor="mmisr.PartOptimWrapperConstructor",
    editor=dict(
        type="OptimWrapper",
        optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.999)),
        paramwise_cfg=dict(
            custom_keys=dict(sft=dict(lr_mult=5.0), conditions=dict(lr_mult=5.0)),
        ),
    ),
    strategy=dict(
        type="OptimWrapper",
        optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.999)),
    ),
)
custom_hooks = [
    dict(type="mmisr.UnfreezeHook", at=30, from_start=["sft", "conditions"], part="editor"),
]
log_processor = dict(by_epoch=False)
