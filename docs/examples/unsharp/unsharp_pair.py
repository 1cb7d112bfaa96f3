# The pair: Unsharp x4, as unsharp_alone.py trained it, in front of a detector that was trained on
# HR; nothing is trained here.
# Test: PYTHONPATH=docs/examples/unsharp python tools/test.py docs/examples/unsharp/unsharp_pair.py
_base_ = ["mmisr::resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"]
custom_imports = dict(
    imports=["mmisr.registry", "mmisr.openmmlab.mmagic_nets", "unsharp"], allow_failed_imports=False
)
model = dict(
    editor=dict(_delete_=True, type="Unsharp", scale=4),
    checkpoints=dict(editor="work_dirs/unsharp_alone/iter_100.pth"),
)
