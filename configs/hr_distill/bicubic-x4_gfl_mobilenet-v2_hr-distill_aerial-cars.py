# Row A2: bicubic pixels, taught by the HR detector. It decides how every row with SR is read.
# Train: python tools/train.py \
#   configs/hr_distill/bicubic-x4_gfl_mobilenet-v2_hr-distill_aerial-cars.py
# Test:  python tools/test.py \
#   configs/hr_distill/bicubic-x4_gfl_mobilenet-v2_hr-distill_aerial-cars.py CHECKPOINT
_base_ = ["../resample/bicubic-x4_gfl_mobilenet-v2_finetuned_aerial-cars.py"]
model = dict(
    strategy=dict(
        _delete_=True,
        type="HRDistill",
        teacher="work_dirs/gfl_mobilenet-v2_hr-finetuned_aerial-cars/epoch_6.pth",
    ),
)
