# SFTGAN-nano x8 trained on against a discriminator, from the editor of
# sftgan-nano-x8_gfl_mobilenet-v2_pixels_drone-cars.py.
# Train: python tools/train.py \
#   configs/sftgan/sftgan-nano-x8_gfl_mobilenet-v2_gan_drone-cars.py
# Test:  python tools/test.py \
#   configs/sftgan/sftgan-nano-x8_gfl_mobilenet-v2_gan_drone-cars.py CHECKPOINT
# First: python tools/data/mobilenet_v2.py, and the training of that config.
_base_ = [
    "../_base_/pairs/sftgan_nano_x8_drone_cars.py",
    "../_base_/schedules/sftgan_gan.py",
]
model = dict(
    checkpoints=dict(
        editor="work_dirs/sftgan-nano-x8_gfl_mobilenet-v2_pixels_drone-cars/iter_800.pth",
    ),
    strategy=dict(
        _delete_=True,
        type="Adversarial",
        pixel_weight=1.0,
        perceptual=dict(
            type="mmisr.PerceptualLoss",
            network=dict(type="mmdet.MobileNetV2"),
            checkpoint="data/weights/mobilenet_v2_imagenet.pth",
            taps=["layer1", "layer3"],
            weight=0.05,
        ),
        gan_weight=5e-3,
        category_weight=5e-3,
        discriminator=dict(patch=64, width=16, num_classes=1),
    ),
)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=200, max_keep_ckpts=1),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
