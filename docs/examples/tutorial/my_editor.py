# InstanceSR alone, trained on your pixels and boxes, from the published weights.
_base_ = ["mmisr::instance_sr/instance-sr-nano-x4_tree-crowns.py"]

# The same four lines as in my_bicubic.py.
data = dict(data_root="data/tree_crowns/", metainfo=dict(classes=("tree",)))
train_dataloader = dict(dataset=dict(ann_file="train.json", data_prefix=dict(img="train/"), **data))
val_dataloader = dict(dataset=dict(ann_file="val.json", data_prefix=dict(img="val/"), **data))
test_dataloader = val_dataloader

load_from = "checkpoints/instance-sr-nano-x4_tree-crowns.pth"
# Encoder and decoder together from the start. Longer is better: from scratch, the base config takes
# 5400.
custom_hooks = [dict(type="mmisr.InstanceSRStageHook", encoder_from=0, joint_from=0)]
train_cfg = dict(max_iters=100, val_interval=100)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=0, end=100)]
default_hooks = dict(checkpoint=dict(interval=100))
