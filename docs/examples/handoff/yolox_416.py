# YOLOX-tiny behind SR, at the size and on the grey that its own test pipeline gives it.
_base_ = ["mmisr::instance_sr/instance-sr-nano-x4_yolox-tiny_frozen_tree-crowns.py"]
model = dict(
    handoff=dict(resize=dict(_delete_=True, scale=(416, 416))),
    detector=dict(data_preprocessor=dict(pad_value=114.0)),
)
