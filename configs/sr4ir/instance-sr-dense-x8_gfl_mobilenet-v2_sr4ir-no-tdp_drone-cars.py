# Row B2 without the task-driven perceptual loss.
# Train: python tools/train.py \
#   configs/sr4ir/instance-sr-dense-x8_gfl_mobilenet-v2_sr4ir-no-tdp_drone-cars.py
_base_ = ["instance-sr-dense-x8_gfl_mobilenet-v2_sr4ir_drone-cars.py"]
model = dict(strategy=dict(feature_weight=0.0))
