# ClassSR of three FSRCNN in the published protocol. Not trained here: days on a GPU.
# Classes: python tools/data/psnr_classes.py SCORING_CONFIG CHECKPOINT --size 32 --stride 16
#          --thresholds 27.16882 35.149761 --out data/div2k/classes_x4.json
# Train:   tools/dist_train.sh configs/classsr/classsr-fsrcnn-x4_div2k.py 1
# Test:    python tools/test.py configs/classsr/classsr-fsrcnn-x4_div2k.py CHECKPOINT
# Quoted from the paper, Test2K/4K/8K: 25.61/26.91/32.73 dB at 311/286/238 MFLOP a patch;
# FSRCNN-56 25.61/26.90/32.66 at 468. Two FLOPs there are one MAC of ours.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/protocols/classsr_div2k_x4.py",
    "../_base_/schedules/classsr_900k.py",
]
model = dict(
    type="mmisr.ClassSR",
    scale=4,
    branches=[
        dict(type="mmisr.FSRCNN", channels=16, scale=4),
        dict(type="mmisr.FSRCNN", channels=36, scale=4),
        dict(type="mmisr.FSRCNN", channels=56, scale=4),
    ],
    official_protocol=True,
)
# FSRCNN's branches learn five times as fast as the class module.
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(
        type="CosineRestartLR",
        periods=[500000, 200000, 200000],
        restart_weights=[1, 0.2, 0.2],
        eta_min=1e-7,
        by_epoch=False,
    )
]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=5000),
    logger=dict(interval=100, log_metric_by_epoch=False),
)
