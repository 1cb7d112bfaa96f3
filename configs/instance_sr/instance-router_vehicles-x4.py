# The router of windows by itself, on ImageNet features: vehicles of drone cars (at x4 and x8) and
# aerial cars (x4) alike, because it sees LR pixels and not the factor.
# Train: python tools/train.py configs/instance_sr/instance-router_vehicles-x4.py
# Test:  python tools/analysis/router_threshold.py PAIR_CONFIG
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/mixed/vehicles_x4_editor.py",
]
model = dict(
    type="mmisr.InstanceRouter",
    pretrained="data/weights/mobilenet_v2_imagenet.pth",
    loss=dict(enc=1.0, loc=0.1, recall=3.0),
)
max_iters = 1600
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=2e-3, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={"net.stages": dict(lr_mult=0.25)}),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=100, end=max_iters),
]
val_dataloader = None
val_evaluator = None
val_cfg = None
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=500, max_keep_ckpts=1),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
log_processor = dict(by_epoch=False)
