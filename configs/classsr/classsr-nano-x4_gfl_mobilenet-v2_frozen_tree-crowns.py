# The pair: ClassSR-nano x4 in front of a detector that was trained on HR; nothing is trained
# here, and the editor's weights are to be trained first.
# Test: python tools/test.py \
#   configs/classsr/classsr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/tree_crowns_x4.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
    "../_base_/editors/classsr_nano_x4.py",
]
editor = _base_.editor
editor.checkpoint = "work_dirs/classsr-nano-x4_tree-crowns/iter_1500.pth"
detector = _base_.detector
detector.backbone.init_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=editor,
    detector=detector,
    checkpoints=dict(detector="checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth"),
    strategy=dict(type="Frozen"),
)
