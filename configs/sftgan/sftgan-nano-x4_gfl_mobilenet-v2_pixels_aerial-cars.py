# SFTGAN-nano x4 by pixels (L1), modulated by what the fixed detector behind it finds on
# bicubic x4.
# Train: python tools/train.py \
#   configs/sftgan/sftgan-nano-x4_gfl_mobilenet-v2_pixels_aerial-cars.py
# Test:  python tools/test.py \
#   configs/sftgan/sftgan-nano-x4_gfl_mobilenet-v2_pixels_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/sftgan_nano_x4_aerial_cars.py",
    "../_base_/schedules/sftgan_pixels.py",
]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=200, max_keep_ckpts=1),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
