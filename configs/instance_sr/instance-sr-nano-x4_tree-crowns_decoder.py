# The decoder of InstanceSR-nano x4 alone, for a little longer, in front of an encoder that stays as
# it is. For checkpoints trained before L_smooth (`loss.smooth`): it takes the grid of dots off flat
# areas.
# Train: python tools/train.py configs/instance_sr/instance-sr-nano-x4_tree-crowns_decoder.py
# Test:  python tools/test.py configs/instance_sr/instance-sr-nano-x4_tree-crowns_decoder.py \
#   CHECKPOINT
_base_ = ["./instance-sr-nano-x4_tree-crowns.py"]
load_from = "work_dirs/instance-sr-nano-x4_tree-crowns_encoder/iter_3000.pth"

model = dict(loss=dict(smooth=1.0))
max_iters = 900
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=50, end=max_iters),
]
custom_hooks = [
    dict(
        type="mmisr.InstanceSRStageHook", encoder_from=max_iters, joint_from=max_iters, interval=100
    ),
]
