# SFTGAN-nano x8 by pixels (L1), modulated by what the fixed detector behind it finds on
# bicubic x8.
# Train: python tools/train.py \
#   configs/sftgan/sftgan-nano-x8_gfl_mobilenet-v2_pixels_drone-cars.py
# Test:  python tools/test.py \
#   configs/sftgan/sftgan-nano-x8_gfl_mobilenet-v2_pixels_drone-cars.py CHECKPOINT
# Measured here (seed 0, one CPU thread, 15 to 30 min): 22.58 dB, 17.91 dB in boxes, AP .285.
_base_ = [
    "../_base_/pairs/sftgan_nano_x8_drone_cars.py",
    "../_base_/schedules/sftgan_pixels.py",
]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=200, max_keep_ckpts=1),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
