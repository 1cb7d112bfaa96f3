# InstanceSR from scratch in front of a trained detector: 200 iterations on pixels, then both parts
# together.
# Train: PYTHONPATH=docs/examples/pixel_first python tools/train.py
# docs/examples/pixel_first/pixel_first_pair.py
_base_ = ["mmisr::instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_joint_tree-crowns.py"]
custom_imports = dict(
    imports=["mmisr.registry", "mmisr.openmmlab.mmagic_nets", "pixel_first"],
    allow_failed_imports=False,
)
model = dict(
    editor=dict(checkpoint=None, router="all-hard"),
    strategy=dict(_delete_=True, type="PixelFirst", pixel_iters=200),
)
# A process that runs no detector leaves it without gradients, which DistributedDataParallel must be
# told.
find_unused_parameters = True
