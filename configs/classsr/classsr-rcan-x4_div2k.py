# ClassSR of three RCAN in the published protocol. Not trained here: days on a GPU.
# Classes: python tools/data/psnr_classes.py SCORING_CONFIG CHECKPOINT --size 32 --stride 16
#          --thresholds 27.16882 35.149761 --out data/div2k/classes_x4.json
# Train:   tools/dist_train.sh configs/classsr/classsr-rcan-x4_div2k.py 1
# Test:    python tools/test.py configs/classsr/classsr-rcan-x4_div2k.py CHECKPOINT
# Quoted from the paper, Test2K/4K/8K: 26.39/27.88/33.73 dB at 21.22/19.49/16.36 GFLOP a patch;
# RCAN 26.39/27.89/33.76 at 32.60. Two FLOPs there are one MAC of ours.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/protocols/classsr_div2k_x4.py",
    "../_base_/schedules/classsr_900k.py",
]
model = dict(
    type="mmisr.ClassSR",
    scale=4,
    branches=[
        dict(type="mmisr.RCAN", channels=36, scale=4),
        dict(type="mmisr.RCAN", channels=50, scale=4),
        dict(type="mmisr.RCAN", channels=64, scale=4),
    ],
    official_protocol=True,
)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=5000),
    logger=dict(interval=100, log_metric_by_epoch=False),
)
