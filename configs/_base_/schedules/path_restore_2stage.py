# Two stages in one run: random paths 0-1200, then the policy 1200-2500. The hook derives the stage
# from the iteration, so a resumed run is in the right one. One optimiser equals two here: Adam's
# state is each weight's own, no loss has gradients in both parts, and the gradients are not clipped
# together; the pathfinder's rate is lr_mult times the network's.
train_cfg = dict(type="IterBasedTrainLoop", max_iters=2500, val_interval=2500)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="Adam", lr=3e-3, betas=(0.9, 0.999)),
    paramwise_cfg=dict(custom_keys=dict(pathfinder=dict(lr_mult=2.0))),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", eta_min_ratio=0.2, by_epoch=False, begin=50, end=1200),
    dict(type="CosineAnnealingLR", eta_min_ratio=0.01, by_epoch=False, begin=1200, end=2500),
]
custom_hooks = [dict(type="mmisr.StageHook", stages=dict(paths=0, policy=1200))]
log_processor = dict(by_epoch=False)
find_unused_parameters = True
