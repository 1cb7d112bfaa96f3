# A small EDSR x8 alone, for PSNR: where the pairs with SR on drone cars start.
# Train: python tools/train.py configs/plain/edsr-small-x8_drone-cars.py
# Test:  python tools/test.py configs/plain/edsr-small-x8_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/drone_cars_x8_editor.py",
    "../_base_/editors/edsr_small_x8.py",
]
model = _base_.editor

max_iters = 3000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3, betas=(0.9, 0.99)))
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=0, end=max_iters)
]
log_processor = dict(by_epoch=False)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=500, max_keep_ckpts=1),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
