# Row B0 with a plain network: SR fixed, the detector trained on.
# Train: python tools/train.py \
#   configs/plain/edsr-small-x8_gfl_mobilenet-v2_finetuned_drone-cars.py
# Test:  python tools/test.py \
#   configs/plain/edsr-small-x8_gfl_mobilenet-v2_finetuned_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/edsr_small_x8_drone_cars.py",
    "../_base_/schedules/finetune_6e.py",
]
train_cfg = dict(val_interval=6)
