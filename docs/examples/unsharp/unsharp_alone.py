# Unsharp x4 alone: learns its one weight, the amount, from pixels.
# Train: PYTHONPATH=docs/examples/unsharp python tools/train.py
# docs/examples/unsharp/unsharp_alone.py
_base_ = ["mmisr::_base_/default_runtime.py", "mmisr::_base_/datasets/tree_crowns_x4_editor.py"]
custom_imports = dict(
    imports=["mmisr.registry", "mmisr.openmmlab.mmagic_nets", "unsharp"], allow_failed_imports=False
)
model = dict(type="Unsharp", scale=4, amount=0.0)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=0.02))
train_cfg = dict(type="IterBasedTrainLoop", max_iters=100, val_interval=100)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=100), logger=dict(log_metric_by_epoch=False)
)
log_processor = dict(by_epoch=False)
