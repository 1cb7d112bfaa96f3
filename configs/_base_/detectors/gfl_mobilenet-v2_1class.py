# A small one-stage detector that two CPU cores can train: GFL head on an ImageNet MobileNetV2,
# strides 8 to 32. An ordinary mmdet model config; `_scope_` makes its children resolve in mmdet
# under default_scope='mmisr'.
detector = dict(
    type="GFL",
    _scope_="mmdet",
    data_preprocessor=dict(
        type="DetDataPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type="MobileNetV2",
        out_indices=(2, 4, 6),
        norm_cfg=dict(type="BN", requires_grad=True),
        init_cfg=dict(type="Pretrained", checkpoint="data/weights/mobilenet_v2_imagenet.pth"),
    ),
    neck=dict(type="FPN", in_channels=[32, 96, 320], out_channels=64, num_outs=3),
    bbox_head=dict(
        type="GFLHead",
        num_classes=1,
        in_channels=64,
        feat_channels=64,
        stacked_convs=2,
        norm_cfg=dict(type="BN"),
        anchor_generator=dict(
            type="AnchorGenerator",
            ratios=[1.0],
            octave_base_scale=4,
            scales_per_octave=1,
            strides=[8, 16, 32],
        ),
        loss_cls=dict(type="QualityFocalLoss", use_sigmoid=True, beta=2.0, loss_weight=1.0),
        loss_dfl=dict(type="DistributionFocalLoss", loss_weight=0.25),
        reg_max=16,
        loss_bbox=dict(type="GIoULoss", loss_weight=2.0),
    ),
    train_cfg=dict(
        assigner=dict(type="ATSSAssigner", topk=9), allowed_border=-1, pos_weight=-1, debug=False
    ),
    # Tree crowns and cars stand by the hundred in a frame: the cap is raised alike in every arm.
    test_cfg=dict(
        nms_pre=2000,
        min_bbox_size=0,
        score_thr=0.01,
        nms=dict(type="nms", iou_threshold=0.6),
        max_per_img=500,
    ),
)
