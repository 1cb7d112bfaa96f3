# The encoder of InstanceSR-nano x4 alone, anew, in front of a decoder that stays as it is: patches
# of four times the area show it more of the surroundings than the three-stage schedule does.
# Train: python tools/train.py configs/instance_sr/instance-sr-nano-x4_tree-crowns_encoder.py
# Test:  python tools/test.py configs/instance_sr/instance-sr-nano-x4_tree-crowns_encoder.py \
#   CHECKPOINT
_base_ = ["./instance-sr-nano-x4_tree-crowns.py"]
load_from = "work_dirs/instance-sr-nano-x4_tree-crowns/iter_5400.pth"

max_iters = 3000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=50, end=max_iters),
]
custom_hooks = [
    dict(type="mmisr.InstanceSRStageHook", encoder_from=0, joint_from=max_iters, interval=100)
]

train_pipeline = [
    *_base_.load,
    dict(type="mmisr.RandomPatch", size=320, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    *_base_.degrade,
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
