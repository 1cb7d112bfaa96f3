# The pair with bicubic enlargement, the detector trained on, on what it will see: the baseline of
# the same with InstanceSR.
# Train: python tools/train.py configs/resample/bicubic-x4_gfl_mobilenet-v2_finetuned_aerial-cars.py
# Test:  python tools/test.py \
#   configs/resample/bicubic-x4_gfl_mobilenet-v2_finetuned_aerial-cars.py CHECKPOINT
_base_ = [
    "../instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_aerial-cars.py",
    "../_base_/schedules/finetune_6e.py",
]
model = dict(editor=dict(_delete_=True, type="mmisr.Resample", scale=4, mode="bicubic"))
