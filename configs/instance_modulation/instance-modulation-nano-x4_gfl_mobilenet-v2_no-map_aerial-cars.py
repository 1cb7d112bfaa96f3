# The same network without the map, plain SRFBN: what the map is measured against.
# Train: python tools/train.py \
#   configs/instance_modulation/instance-modulation-nano-x4_gfl_mobilenet-v2_no-map_aerial-cars.py
# Test:  python tools/test.py \
#   configs/instance_modulation/instance-modulation-nano-x4_gfl_mobilenet-v2_no-map_aerial-cars.py \
#   CHECKPOINT
# 600 iterations: 20 minutes on 2 CPU cores (one thread, machine busy).
# *Measured here*, seed 0: AP 0.590, 31.56 dB, 26.14 dB in boxes.
_base_ = "./instance-modulation-nano-x4_gfl_mobilenet-v2_aerial-cars.py"
model = dict(editor=dict(prior="none"), test_cfg=dict(prior=None))
