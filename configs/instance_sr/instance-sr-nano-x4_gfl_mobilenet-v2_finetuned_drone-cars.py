# Row C0: SR fixed, the detector trained on, so that it knows routed output: smooth
# background beside sharp instances.
# Train: python tools/train.py \
#   configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_finetuned_drone-cars.py
# Test:  python tools/test.py \
#   configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_finetuned_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x4_drone_cars.py",
    "../_base_/schedules/finetune_6e.py",
]
train_cfg = dict(val_interval=6)
