# Three stages in one run: decoder 0-1200, encoder 1200-1600, joint 1600-2000. The hook derives the stage from the
# iteration, so a resumed run is in the right one. A network of several GPUs needs find_unused_parameters=True, because a
# stage leaves the other part without gradients.
train_cfg = dict(type="IterBasedTrainLoop", max_iters=2000, val_interval=2000)
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3, betas=(0.9, 0.99)), clip_grad=dict(max_norm=1.0)
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", eta_min=3e-4, by_epoch=False, begin=50, end=1600),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=1600, end=2000),
]
custom_hooks = [dict(type="mmisr.InstanceSRStageHook", encoder_from=1200, joint_from=1600, interval=100)]
log_processor = dict(by_epoch=False)
find_unused_parameters = True
