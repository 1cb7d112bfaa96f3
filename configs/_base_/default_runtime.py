# What every run shares. `custom_imports` lets mmdet's own tools run these configs too.
default_scope = "mmisr"
custom_imports = dict(
    imports=["mmisr.registry", "mmisr.openmmlab.mmagic_nets"], allow_failed_imports=False
)
default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=20),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=2),
    sampler_seed=dict(type="mmisr.TrainSeedHook"),
    visualization=dict(type="mmdet.DetVisualizationHook"),
)
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)
visualizer = dict(
    type="mmisr.SRDetVisualizer", name="visualizer", vis_backends=[dict(type="LocalVisBackend")]
)
randomness = dict(seed=0)
log_level = "INFO"
load_from = None
resume = False
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
