# Path-Restore-nano against Gaussian noise of mixed strength on tree crowns, both stages. Not
# trained here.
# Train: python tools/train.py configs/path_restore/path-restore-nano-x1_tree-crowns.py
# Test:  python tools/test.py configs/path_restore/path-restore-nano-x1_tree-crowns.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/tree_crowns_denoise_editor.py",
    "../_base_/editors/path_restore_nano_x1.py",
    "../_base_/schedules/path_restore_2stage.py",
]
model = _base_.editor
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=200),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
