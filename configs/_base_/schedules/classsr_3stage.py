# Three stages in one run: each branch on its class 0-2000, the class module 2000-2400, all 2400-2800
# at a low learning rate. A network of several GPUs needs find_unused_parameters=True, because a
# stage leaves the other parts without gradients.
train_cfg = dict(type="IterBasedTrainLoop", max_iters=2800, val_interval=2800)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=2e-3, betas=(0.9, 0.99)))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=50, end=2800),
]
custom_hooks = [
    dict(type="mmisr.StageHook", starts=dict(branches=0, classifier=2000, joint=2400), interval=100)
]
log_processor = dict(by_epoch=False)
find_unused_parameters = True
