# Three stages in one run: decoder 0-2100, encoder 2100-4500, joint 4500-5400 at a low learning
# rate. The hook derives the stage from the iteration, so a resumed run is in the right one. A
# network of several GPUs needs find_unused_parameters=True, because a stage leaves the other part
# without gradients.
train_cfg = dict(type="IterBasedTrainLoop", max_iters=5400, val_interval=5400)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="Adam", lr=2e-3, betas=(0.9, 0.99)),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=50, end=5400),
]
custom_hooks = [
    dict(type="mmisr.InstanceSRStageHook", encoder_from=2100, joint_from=4500, interval=100)
]
log_processor = dict(by_epoch=False)
find_unused_parameters = True
