# Path-Restore in the paper's size and protocol: trained on DIV2K, tested on CBSD68 at sigma 50 (the
# other published conditions: sigma 10, and recipe="linear_noise"). Not trained here; 800,000
# iterations of batches of 32 are weeks on a CPU.
# Train: python tools/train.py configs/path_restore/path-restore-x1_div2k_cbsd68.py
# Test:  python tools/test.py configs/path_restore/path-restore-x1_div2k_cbsd68.py CHECKPOINT
# Data, in COCO format with no annotations (one category, say "any"): data/div2k/train.json with
# train/*.png, data/cbsd68/val.json with images/*.png.
# Quoted from the paper, not measured here: 36.04 dB at sigma 10 and 27.96 dB at sigma 50, 4.22 GMAC
# per patch of 63 pixels; DnCNN 36.07 and 27.96 dB at 5.31.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/coco_denoise_editor.py",
    "../_base_/schedules/path_restore_2stage.py",
]
model = dict(
    type="mmisr.PathRestore",
    scale=1,
    size="paper",
    router="policy",
    policy=dict(target=0.5, cost=8e-6, eta=1e-3),
)
max_iters = 800000
policy_from = 400000
train_cfg = dict(max_iters=max_iters, val_interval=50000)
custom_hooks = [dict(type="mmisr.StageHook", stages=dict(paths=0, policy=policy_from))]
optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=2e-5, by_epoch=False, begin=0, end=policy_from),
    dict(type="CosineAnnealingLR", eta_min=1e-6, by_epoch=False, begin=policy_from, end=max_iters),
]
augment = [
    dict(type="mmisr.RandomPatch", size=63, around_box=0.0),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
]
test_noise = [
    dict(type="mmisr.SimulateLR", scale=1, noise_sigma=(50, 50), seed=0),
    dict(type="mmisr.PackSRInputs"),
]
train_pipeline = [*_base_.load, *augment, *_base_.noise]
test_pipeline = [*_base_.load, *test_noise]
metainfo = dict(classes=("any",))
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        data_root="data/div2k/",
        data_prefix=dict(img="train/"),
        metainfo=metainfo,
        need_boxes=False,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(data_root="data/cbsd68/", metainfo=metainfo, pipeline=test_pipeline)
)
test_dataloader = val_dataloader
val_evaluator = [dict(type="mmisr.MagicQuality", crop_border=0)]
test_evaluator = val_evaluator
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=5000),
    logger=dict(interval=100, log_metric_by_epoch=False),
)
