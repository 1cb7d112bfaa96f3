# AERIS's: SGD 0.01 for batches of 64, 28 epochs, steps after 18 and 24.
max_epochs = 28
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=4)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4),
    clip_grad=dict(max_norm=35, norm_type=2),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=1000),
    dict(type="MultiStepLR", begin=0, end=max_epochs, milestones=[18, 24], gamma=0.1),
]
auto_scale_lr = dict(enable=False, base_batch_size=64)
