# The pair: CAJNN-nano x4 in front of a detector that was trained on HR; nothing is trained here.
# Weights first: cajnn-nano-x4_aerial-cars.py, ../detectors/gfl_mobilenet-v2_hr_aerial-cars.py
# Test: python tools/test.py configs/cajnn/cajnn-nano-x4_gfl_mobilenet-v2_frozen_aerial-cars.py
# Compare: python tools/compare.py \
#   configs/cajnn/cajnn-nano-x4_gfl_mobilenet-v2_frozen_aerial-cars.py
_base_ = "../_base_/pairs/cajnn_nano_x4_aerial_cars.py"
