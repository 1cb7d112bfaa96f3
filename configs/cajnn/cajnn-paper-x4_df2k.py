# CAJNN x4 at full size (14.8 M weights) in the published protocol. Not trained here: days on GPUs.
# Train: tools/dist_train.sh configs/cajnn/cajnn-paper-x4_df2k.py 4
# Test:  python tools/test.py configs/cajnn/cajnn-paper-x4_df2k.py CHECKPOINT
# Quoted from the paper, Set5 at JPEG quality 10/20/40: 25.04/26.59/28.05 dB of luma, SSIM
# .7169/.7604/.7981; see the README of the room for the other sets.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/protocols/cajnn_df2k_x4.py",
    "../_base_/schedules/cajnn_1m.py",
]
model = dict(type="mmisr.CAJNN", scale=4, size="paper")
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=5000),
    logger=dict(interval=100, log_metric_by_epoch=False),
)
