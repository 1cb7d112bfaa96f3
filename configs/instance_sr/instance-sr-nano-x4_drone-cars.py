# InstanceSR-nano x4 alone, all three stages; fewer and smaller batches than on aerial cars, for a
# set of 30 frames.
# Train: python tools/train.py configs/instance_sr/instance-sr-nano-x4_drone-cars.py
# Test:  python tools/test.py configs/instance_sr/instance-sr-nano-x4_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/drone_cars_x4_editor.py",
    "../_base_/editors/instance_sr_nano_x4.py",
    "../_base_/schedules/instance_sr_3stage.py",
]
model = _base_.editor
train_dataloader = dict(batch_size=6)
max_iters = 2400
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=50, end=max_iters),
]
custom_hooks = [
    dict(type="mmisr.InstanceSRStageHook", encoder_from=1500, joint_from=2100, interval=100)
]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=300, max_keep_ckpts=1),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
