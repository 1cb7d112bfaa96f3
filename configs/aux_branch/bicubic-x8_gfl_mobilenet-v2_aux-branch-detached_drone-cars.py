# The control of row A1: the branch's gradient is cut from the detector, and with it any gain.
# Train: python tools/train.py \
#   configs/aux_branch/bicubic-x8_gfl_mobilenet-v2_aux-branch-detached_drone-cars.py
_base_ = ["../resample/bicubic-x8_gfl_mobilenet-v2_finetuned_drone-cars.py"]
model = dict(strategy=dict(_delete_=True, type="AuxBranch", detach=True))
