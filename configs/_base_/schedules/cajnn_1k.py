# 1,000 iterations of one learning rate that falls: minutes on two CPU cores for the nano size.
max_iters = 1000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3, betas=(0.9, 0.999)))
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=0, end=max_iters)
]
log_processor = dict(by_epoch=False)
