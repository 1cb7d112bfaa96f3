# The baseline pair: bicubic x4 in front of a detector that was trained on HR; nothing is trained
# here.
# Test: python tools/test.py configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py
# Measured with it, on CPU: AP 0.090, AP50 0.328, AP very_tiny 0.036, tiny 0.132, small 0.170.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/tree_crowns_x4.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/bicubic_x4.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    checkpoints=dict(detector="checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth"),
    strategy=dict(type="Frozen"),
)
