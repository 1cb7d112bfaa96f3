# SFTGAN's: 600,000 iterations; SFT and condition network 5e-4 from the start, the rest of the
# generator 1e-4 from iteration 20,000, discriminator 1e-4; halved four times in the first third.
max_iters = 600000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=50000)
adam = dict(type="Adam", lr=1e-4, betas=(0.9, 0.999))
optim_wrapper = dict(
    constructor="mmisr.PartOptimWrapperConstructor",
    editor=dict(
        type="OptimWrapper",
        optimizer=adam,
        paramwise_cfg=dict(
            custom_keys=dict(sft=dict(lr_mult=5.0), conditions=dict(lr_mult=5.0)),
        ),
    ),
    strategy=dict(type="OptimWrapper", optimizer=adam),
)
halved = dict(
    type="MultiStepLR", milestones=[50000, 100000, 150000, 200000], gamma=0.5, by_epoch=False
)
param_scheduler = dict(editor=[halved], strategy=[halved])
custom_hooks = [
    dict(type="mmisr.UnfreezeHook", at=20000, from_start=["sft", "conditions"], part="editor"),
]
log_processor = dict(by_epoch=False)
