# The pair: CAJNN-nano x4 fixed, the detector trained on, on what it makes of compressed images.
# Not trained here.
# Train: python tools/train.py configs/cajnn/cajnn-nano-x4_gfl_mobilenet-v2_finetuned_aerial-cars.py
# Test:  python tools/test.py \
#   configs/cajnn/cajnn-nano-x4_gfl_mobilenet-v2_finetuned_aerial-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/cajnn_nano_x4_aerial_cars.py",
    "../_base_/schedules/finetune_6e.py",
]
train_cfg = dict(val_interval=6)
