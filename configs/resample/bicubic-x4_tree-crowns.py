# Bicubic x4 alone: the baseline of every editor, and what sorts patches for ClassSR.
# Test: python tools/test.py configs/resample/bicubic-x4_tree-crowns.py
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/tree_crowns_x4_editor.py",
    "../_base_/editors/bicubic_x4.py",
]
model = _base_.editor
