# Row A2: bicubic pixels, taught by the detector that was trained on HR.
# Train: python tools/train.py \
#   configs/hr_distill/bicubic-x8_gfl_mobilenet-v2_hr-distill_drone-cars.py
# Test:  python tools/test.py \
#   configs/hr_distill/bicubic-x8_gfl_mobilenet-v2_hr-distill_drone-cars.py CHECKPOINT
_base_ = ["../resample/bicubic-x8_gfl_mobilenet-v2_finetuned_drone-cars.py"]
model = dict(
    strategy=dict(
        _delete_=True,
        type="HRDistill",
        teacher="work_dirs/gfl_mobilenet-v2_hr_drone-cars/epoch_6.pth",
    ),
)
