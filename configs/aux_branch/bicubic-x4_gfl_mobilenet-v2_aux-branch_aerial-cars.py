# Row A1: bicubic pixels, and a branch that restores HR from the detector's features in training.
# Train: python tools/train.py \
#   configs/aux_branch/bicubic-x4_gfl_mobilenet-v2_aux-branch_aerial-cars.py
# Test:  python tools/test.py \
#   configs/aux_branch/bicubic-x4_gfl_mobilenet-v2_aux-branch_aerial-cars.py CHECKPOINT
_base_ = ["../resample/bicubic-x4_gfl_mobilenet-v2_finetuned_aerial-cars.py"]
model = dict(strategy=dict(_delete_=True, type="AuxBranch"))
