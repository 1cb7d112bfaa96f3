# The second stage of Path-Restore-nano by itself, from a network that has learned random paths: for
# another share of steps (model.policy.target), say. Not trained here.
# First: python tools/train.py configs/path_restore/path-restore-nano-x1_aerial-cars.py \
#   --cfg-options train_cfg.max_iters=800
# Train: python tools/train.py configs/path_restore/path-restore-nano-x1_aerial-cars_policy.py
# Test:  python tools/test.py configs/path_restore/path-restore-nano-x1_aerial-cars_policy.py \
#   CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_denoise_editor.py",
    "../_base_/editors/path_restore_nano_x1.py",
    "../_base_/schedules/path_restore_2stage.py",
]
load_from = "work_dirs/path-restore-nano-x1_aerial-cars/iter_800.pth"
model = _base_.editor
model.stage = "policy"
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=200),
    logger=dict(interval=50, log_metric_by_epoch=False),
)

max_iters = 700
optim_wrapper = dict(optimizer=dict(lr=6e-4))
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", eta_min=2e-5, by_epoch=False, begin=50, end=max_iters),
]
custom_hooks = []
