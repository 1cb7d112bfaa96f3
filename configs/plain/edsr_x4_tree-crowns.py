# EDSR baseline x4 alone, on the data and metrics of InstanceSR. Not trained here.
# Train: python tools/train.py configs/plain/edsr_x4_tree-crowns.py
# Test:  python tools/test.py configs/plain/edsr_x4_tree-crowns.py CHECKPOINT
# SRResNet, RRDB or SwinIR: put another file of ../_base_/editors in place of EDSR's.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/tree_crowns_x4_editor.py",
    "../_base_/editors/edsr_x4.py",
]
model = _base_.editor

max_iters = 20000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=5000)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.999)))
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=1e-6, by_epoch=False, begin=0, end=max_iters)
]
log_processor = dict(by_epoch=False)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=5000),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
