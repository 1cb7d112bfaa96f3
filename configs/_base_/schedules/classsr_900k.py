# ClassSR's published lengths: 500k iterations of the branches, 200k of the class module. The joint
# stage is not described; its 200k are ours. Each stage begins with its own learning rate.
max_iters = 900000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=50000)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=2e-4, betas=(0.9, 0.99)))
param_scheduler = [
    dict(
        type="CosineRestartLR",
        periods=[500000, 200000, 200000],
        restart_weights=[1, 1, 1],
        eta_min=1e-7,
        by_epoch=False,
    )
]
custom_hooks = [
    dict(
        type="mmisr.StageHook",
        stages=dict(branches=0, classifier=500000, joint=700000),
        interval=1000,
    )
]
log_processor = dict(by_epoch=False)
find_unused_parameters = True
