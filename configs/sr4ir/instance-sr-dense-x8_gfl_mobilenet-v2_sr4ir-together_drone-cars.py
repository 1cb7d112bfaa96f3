# Row B2 without alternation: both parts learn in one phase.
# Train: python tools/train.py \
#   configs/sr4ir/instance-sr-dense-x8_gfl_mobilenet-v2_sr4ir-together_drone-cars.py
_base_ = ["instance-sr-dense-x8_gfl_mobilenet-v2_sr4ir_drone-cars.py"]
model = dict(strategy=dict(alternate=False))
