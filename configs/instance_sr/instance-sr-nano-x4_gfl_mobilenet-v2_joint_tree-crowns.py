# The pair, both parts trained together from the weights that the frozen pair has. Not trained here.
# Train: python tools/train.py \
#   configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_joint_tree-crowns.py
# Test:  python tools/test.py \
#   configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_joint_tree-crowns.py CHECKPOINT
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/tree_crowns_x4.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/instance_sr_nano_x4.py",
]
editor = _base_.editor
editor.checkpoint = "checkpoints/instance-sr-nano-x4_tree-crowns.pth"
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=editor,
    detector=detector,
    checkpoints=dict(detector="checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth"),
    strategy=dict(type="Joint", pixel_weight=1.0, detection_weight=1.0),
)

max_epochs = 12
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=3)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=2e-4, weight_decay=0.02),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
    clip_grad=dict(max_norm=10, norm_type=2),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(
        type="CosineAnnealingLR",
        eta_min=1e-6,
        begin=0,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)
# The choice of an exit passes no gradient: the encoder has none here, and stays as it was.
find_unused_parameters = True
