# The same network without the map: plain SRFBN.
_base_ = "./instance-modulation-nano-x4_gfl_mobilenet-v2_aerial-cars.py"
model = dict(editor=dict(prior="none"), test_cfg=dict(prior=None))
