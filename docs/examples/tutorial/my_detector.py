# Stands for the mmdet config that you have: a plain detector, nothing of mmisr in it.
_base_ = ["mmdet::gfl/gfl_r50_fpn_1x_coco.py"]
model = dict(
    backbone=dict(
        _delete_=True,
        type="MobileNetV2",
        out_indices=(2, 4, 6),
        norm_cfg=dict(type="BN", requires_grad=True),
        norm_eval=True,
    ),
    neck=dict(
        in_channels=[32, 96, 320], out_channels=64, num_outs=3, start_level=0, add_extra_convs=False
    ),
    bbox_head=dict(
        num_classes=1,
        in_channels=64,
        feat_channels=64,
        stacked_convs=2,
        norm_cfg=dict(type="GN", num_groups=16, requires_grad=True),
        anchor_generator=dict(octave_base_scale=4, strides=[8, 16, 32]),
    ),
    test_cfg=dict(nms_pre=2000, score_thr=0.01, max_per_img=500),
)
