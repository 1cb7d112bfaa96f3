# The largest branch of ClassSR-nano by itself, trained on all patches for as many steps as each
# branch has on its class: what ClassSR must be compared with.
# Train: python tools/train.py configs/classsr/residual-c32-x4_aerial-cars.py
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4_editor.py",
]
model = dict(
    type="mmisr.PlainSR",
    scale=4,
    generator=dict(type="mmisr.ResidualSR", channels=32, scale=4),
)
degrade = _base_.degrade
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        pipeline=[
            dict(type="mmisr.LoadImage", keep=64),
            dict(type="mmdet.LoadAnnotations", with_bbox=True),
            dict(type="mmisr.RandomPatch", size=128, around_box=0.0),
            dict(type="mmdet.RandomFlip", prob=0.5),
            dict(type="mmisr.RandomTurn"),
            *degrade,
        ]
    ),
)
max_iters = 1000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=2e-3, betas=(0.9, 0.99)))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=50, end=max_iters),
]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=250),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
log_processor = dict(by_epoch=False)
