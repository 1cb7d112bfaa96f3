# Row B0: every token deep, SR fixed, the detector trained on.
# Train: python tools/train.py \
#   configs/instance_sr/instance-sr-dense-x4_gfl_mobilenet-v2_finetuned_drone-cars.py
# Test:  python tools/test.py \
#   configs/instance_sr/instance-sr-dense-x4_gfl_mobilenet-v2_finetuned_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x4_drone_cars.py",
    "../_base_/schedules/finetune_6e.py",
]
model = dict(editor=dict(router="all-hard"))
train_cfg = dict(val_interval=6)
