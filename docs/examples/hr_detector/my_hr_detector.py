# The tutorial's detector, trained on HR: the pair of the tutorial with an editor that does nothing,
# fed with HR.
_base_ = ["../tutorial/my_bicubic.py"]

model = dict(
    editor=dict(_delete_=True, type="mmisr.Resample", scale=1),
    checkpoints=None,  # trained from its backbone's weights
    detector=dict(
        backbone=dict(
            init_cfg=dict(type="Pretrained", checkpoint="data/weights/mobilenet_v2_imagenet.pth")
        ),
    ),
)

# After SimulateLR, so that sizes are still those of LR.
feed = [*_base_.degrade[:-1], dict(type="mmisr.FeedHR"), _base_.degrade[-1]]
train_dataloader = dict(dataset=dict(pipeline=[*_base_.load, *_base_.augment, *feed]))
val_dataloader = dict(dataset=dict(pipeline=[*_base_.load, *feed]))
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=30, val_interval=5)
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=10))
param_scheduler = [
    dict(
        type="CosineAnnealingLR",
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        end=30,
        convert_to_iter_based=True,
    )
]
