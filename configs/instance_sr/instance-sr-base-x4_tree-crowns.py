# InstanceSR-base x4 alone, all three stages. Not trained here.
# Train: python tools/train.py configs/instance_sr/instance-sr-base-x4_tree-crowns.py
# Test:  python tools/test.py configs/instance_sr/instance-sr-base-x4_tree-crowns.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/tree_crowns_x4_editor.py",
    "../_base_/editors/instance_sr_base_x4.py",
    "../_base_/schedules/instance_sr_3stage.py",
]
model = _base_.editor
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=500),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
