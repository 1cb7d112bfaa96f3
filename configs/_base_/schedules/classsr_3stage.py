# Three stages in one run: each branch on its class 0-1000, the class module 1000-1300, all
# 1300-1500 at a low learning rate. A network of several GPUs needs find_unused_parameters=True,
# because a stage leaves the other parts without gradients.
train_cfg = dict(type="IterBasedTrainLoop", max_iters=1500, val_interval=1500)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=2e-3, betas=(0.9, 0.99)))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=50, end=1500),
]
custom_hooks = [
    dict(type="mmisr.StageHook", stages=dict(branches=0, classifier=1000, joint=1300), interval=100)
]
log_processor = dict(by_epoch=False)
find_unused_parameters = True
