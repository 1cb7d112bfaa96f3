# Row B0-: the network of B0 without pixels, by the detector's losses alone: is it capacity?
# Train: python tools/train.py \
#   configs/instance_sr/instance-sr-dense-x8_gfl_mobilenet-v2_task-only_drone-cars.py
# Test:  python tools/test.py \
#   configs/instance_sr/instance-sr-dense-x8_gfl_mobilenet-v2_task-only_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x8_drone_cars.py",
    "../_base_/schedules/finetune_6e.py",
]
model = dict(
    editor=dict(router="all-hard"),
    checkpoints=dict(
        _delete_=True, detector="work_dirs/gfl_mobilenet-v2_hr_aerial-cars/epoch_12.pth"
    ),
    strategy=dict(_delete_=True, type="Joint", pixel_weight=0.0),
)
train_cfg = dict(val_interval=6)
