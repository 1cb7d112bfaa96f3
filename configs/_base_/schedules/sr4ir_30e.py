# SR4IR's: 30 epochs of batches of 16, one of warm-up, cosine restarts after 2 and 27 more; SR from
# 1e-4 to 1e-6 by AdamW, the detector from 2e-2 to 1e-4 by SGD.
max_epochs = 30
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=5)
optim_wrapper = dict(
    constructor="mmisr.PartOptimWrapperConstructor",
    editor=dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-4)),
    detector=dict(
        type="OptimWrapper",
        optimizer=dict(type="SGD", lr=2e-2, momentum=0.9, weight_decay=1e-4),
    ),
)
warm_up = dict(
    type="LinearLR", start_factor=0.001, begin=0, end=1, by_epoch=True, convert_to_iter_based=True
)
restarts = dict(
    type="CosineRestartLR",
    periods=[2, 27],
    restart_weights=[1, 1],
    begin=1,
    end=max_epochs,
    by_epoch=True,
    convert_to_iter_based=True,
)
param_scheduler = dict(
    editor=[warm_up, dict(restarts, eta_min=1e-6)],
    detector=[warm_up, dict(restarts, eta_min=1e-4)],
)
auto_scale_lr = dict(enable=False, base_batch_size=16)
