# The router alone, taught by what the detector of row B0 gains from depth. The thresholds are those
# of a tenth of the tokens each: tools/analysis/task_gain.py with this pair, 16 batches.
# Train: python tools/train.py \
#   configs/task_gain/instance-sr-nano-x8_gfl_mobilenet-v2_task-gain_drone-cars.py
# Test:  python tools/test.py \
#   configs/task_gain/instance-sr-nano-x8_gfl_mobilenet-v2_task-gain_drone-cars.py CHECKPOINT
_base_ = [
    "../_base_/pairs/instance_sr_nano_x8_drone_cars.py",
    "../_base_/schedules/finetune_6e.py",
]
pair = "work_dirs/instance-sr-dense-x8_gfl_mobilenet-v2_finetuned_drone-cars/epoch_6.pth"
model = dict(
    checkpoints=dict(editor=pair, detector=pair),
    strategy=dict(_delete_=True, type="TaskGain", thresholds=[0.0018, 0.0107]),
)
train_cfg = dict(val_interval=6)
