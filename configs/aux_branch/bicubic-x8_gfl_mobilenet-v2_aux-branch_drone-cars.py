# Row A1: bicubic pixels, and a branch that restores HR from the detector's features.
# Train: python tools/train.py \
#   configs/aux_branch/bicubic-x8_gfl_mobilenet-v2_aux-branch_drone-cars.py
# Test:  python tools/test.py \
#   configs/aux_branch/bicubic-x8_gfl_mobilenet-v2_aux-branch_drone-cars.py CHECKPOINT
_base_ = ["../resample/bicubic-x8_gfl_mobilenet-v2_finetuned_drone-cars.py"]
model = dict(strategy=dict(_delete_=True, type="AuxBranch"))
