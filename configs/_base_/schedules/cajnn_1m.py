# CAJNN's published schedule: Adam, a cosine from 2e-4 to 1e-7 that restarts every 250k iterations.
# The betas are Adam's own; the paper names none.
max_iters = 1000000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=50000)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=2e-4, betas=(0.9, 0.999)))
param_scheduler = [
    dict(
        type="CosineRestartLR",
        periods=[250000, 250000, 250000, 250000],
        restart_weights=[1, 1, 1, 1],
        eta_min=1e-7,
        by_epoch=False,
    )
]
log_processor = dict(by_epoch=False)
