# ClassSR of three CARNM in the published protocol. Not trained here: days on a GPU.
# Classes: python tools/data/psnr_classes.py SCORING_CONFIG CHECKPOINT --size 32 --stride 16
#          --thresholds 27.16882 35.149761 --out data/div2k/classes_x4.json
# Train:   tools/dist_train.sh configs/classsr/classsr-carn-x4_div2k.py 1
# Test:    python tools/test.py configs/classsr/classsr-carn-x4_div2k.py CHECKPOINT
# Quoted from the paper, Test2K/4K/8K: 26.01/27.42/33.24 dB at 814/742/608 MFLOP a patch;
# CARN-M 25.95/27.34/33.18 at 1,150. Two FLOPs there are one MAC of ours.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/protocols/classsr_div2k_x4.py",
    "../_base_/schedules/classsr_900k.py",
]
model = dict(
    type="mmisr.ClassSR",
    scale=4,
    branches=[
        dict(type="mmisr.CARNM", channels=36, scale=4),
        dict(type="mmisr.CARNM", channels=52, scale=4),
        dict(type="mmisr.CARNM", channels=64, scale=4),
    ],
    official_protocol=True,
)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=5000),
    logger=dict(interval=100, log_metric_by_epoch=False),
)
