"""Detectors with masks, real mmdet code, tiny and without pretrained weights."""

PREPROCESSOR = {
    "type": "DetDataPreprocessor",
    "mean": [123.675, 116.28, 103.53],
    "std": [58.395, 57.12, 57.375],
    "bgr_to_rgb": True,
    "pad_size_divisor": 32,
}
BACKBONE = {
    "type": "ResNet",
    "depth": 18,
    "base_channels": 8,
    "num_stages": 4,
    "out_indices": (0, 1, 2, 3),
    "norm_cfg": {"type": "BN", "requires_grad": True},
    "norm_eval": True,
    "style": "pytorch",
}
WIDTHS = [8, 16, 32, 64]
BOXES = [0.1, 0.1, 0.2, 0.2]
SIGMOID = {"type": "CrossEntropyLoss", "use_sigmoid": True, "loss_weight": 1.0}


def mask_rcnn(score_thr: float = 0.0, per_img: int = 20) -> dict:
    extractor = {"type": "SingleRoIExtractor", "out_channels": 16, "featmap_strides": [4, 8, 16]}
    rcnn = {
        "assigner": {
            "type": "MaxIoUAssigner",
            "pos_iou_thr": 0.5,
            "neg_iou_thr": 0.5,
            "min_pos_iou": 0.5,
            "match_low_quality": True,
        },
        "sampler": {"type": "RandomSampler", "num": 32, "pos_fraction": 0.5},
        "mask_size": 14,
        "pos_weight": -1,
        "debug": False,
    }
    rcnn["sampler"] |= {"neg_pos_ub": -1, "add_gt_as_proposals": True}
    rpn = {
        "assigner": {
            "type": "MaxIoUAssigner",
            "pos_iou_thr": 0.7,
            "neg_iou_thr": 0.3,
            "min_pos_iou": 0.3,
        },
        "sampler": {**rcnn["sampler"], "num": 64, "add_gt_as_proposals": False},
        "pos_weight": -1,
        "debug": False,
        "allowed_border": -1,
    }
    proposals = {"nms_pre": 100, "max_per_img": 40, "nms": {"type": "nms", "iou_threshold": 0.7}}
    proposals["min_bbox_size"] = 0
    return {
        "type": "MaskRCNN",
        "data_preprocessor": PREPROCESSOR,
        "backbone": BACKBONE,
        "neck": {"type": "FPN", "in_channels": WIDTHS, "out_channels": 16, "num_outs": 4},
        "rpn_head": {
            "type": "RPNHead",
            "in_channels": 16,
            "feat_channels": 16,
            "anchor_generator": {
                "type": "AnchorGenerator",
                "scales": [4],
                "ratios": [1.0],
                "strides": [4, 8, 16, 32],
            },
            "bbox_coder": {"type": "DeltaXYWHBBoxCoder"},
            "loss_cls": SIGMOID,
            "loss_bbox": {"type": "L1Loss"},
        },
        "roi_head": {
            "type": "StandardRoIHead",
            "bbox_roi_extractor": {
                **extractor,
                "roi_layer": {"type": "RoIAlign", "output_size": 7, "sampling_ratio": 0},
            },
            "bbox_head": {
                "type": "Shared2FCBBoxHead",
                "in_channels": 16,
                "fc_out_channels": 32,
                "roi_feat_size": 7,
                "num_classes": 2,
                "bbox_coder": {"type": "DeltaXYWHBBoxCoder", "target_stds": BOXES},
                "loss_cls": {"type": "CrossEntropyLoss", "use_sigmoid": False},
                "loss_bbox": {"type": "L1Loss"},
            },
            "mask_roi_extractor": {
                **extractor,
                "roi_layer": {"type": "RoIAlign", "output_size": 7, "sampling_ratio": 0},
            },
            "mask_head": {
                "type": "FCNMaskHead",
                "num_convs": 1,
                "in_channels": 16,
                "conv_out_channels": 16,
                "num_classes": 2,
                "loss_mask": {"type": "CrossEntropyLoss", "use_mask": True},
            },
        },
        "train_cfg": {"rpn": rpn, "rpn_proposal": proposals, "rcnn": rcnn},
        "test_cfg": {
            "rpn": proposals,
            "rcnn": {
                "score_thr": score_thr,
                "nms": {"type": "nms", "iou_threshold": 0.5},
                "max_per_img": per_img,
                "mask_thr_binary": 0.5,
            },
        },
    }


def single_stage_test(per_img: int, **more: float) -> dict:
    return {
        "nms_pre": 100,
        "min_bbox_size": 0,
        "score_thr": 0.0,
        "nms": {"type": "nms", "iou_threshold": 0.6},
        "max_per_img": per_img,
        **more,
    }


def rtmdet_ins(per_img: int = 20) -> dict:
    norm = {"type": "BN"}
    return {
        "type": "RTMDet",
        "data_preprocessor": PREPROCESSOR,
        "backbone": {
            "type": "CSPNeXt",
            "deepen_factor": 0.167,
            "widen_factor": 0.125,
            "norm_cfg": norm,
        },
        "neck": {
            "type": "CSPNeXtPAFPN",
            "in_channels": [32, 64, 128],
            "out_channels": 32,
            "num_csp_blocks": 1,
            "expand_ratio": 0.5,
            "norm_cfg": norm,
        },
        "bbox_head": {
            "type": "RTMDetInsSepBNHead",
            "num_classes": 2,
            "in_channels": 32,
            "stacked_convs": 1,
            "share_conv": True,
            "pred_kernel_size": 1,
            "feat_channels": 32,
            "norm_cfg": norm,
            "anchor_generator": {"type": "MlvlPointGenerator", "offset": 0, "strides": [8, 16, 32]},
            "bbox_coder": {"type": "DistancePointBBoxCoder"},
            "loss_cls": {"type": "QualityFocalLoss", "use_sigmoid": True, "beta": 2.0},
            "loss_bbox": {"type": "GIoULoss", "loss_weight": 2.0},
            "loss_mask": {
                "type": "DiceLoss",
                "loss_weight": 2.0,
                "eps": 5e-6,
                "reduction": "mean",
            },
        },
        "train_cfg": {
            "assigner": {"type": "DynamicSoftLabelAssigner", "topk": 13},
            "allowed_border": -1,
            "pos_weight": -1,
            "debug": False,
        },
        "test_cfg": single_stage_test(per_img, mask_thr_binary=0.3),
    }


def condinst(per_img: int = 20) -> dict:
    return {
        "type": "CondInst",
        "data_preprocessor": {**PREPROCESSOR, "pad_mask": True},
        "backbone": BACKBONE,
        "neck": {
            "type": "FPN",
            "in_channels": WIDTHS,
            "out_channels": 16,
            "start_level": 1,
            "add_extra_convs": "on_output",
            "num_outs": 5,
            "relu_before_extra_convs": True,
        },
        "bbox_head": {
            "type": "CondInstBboxHead",
            "num_params": 169,
            "num_classes": 2,
            "in_channels": 16,
            "stacked_convs": 1,
            "feat_channels": 16,
            "norm_cfg": None,
            "strides": [8, 16, 32, 64, 128],
            "norm_on_bbox": True,
            "centerness_on_reg": True,
            "dcn_on_last_conv": False,
            "center_sampling": True,
            "conv_bias": True,
            "loss_cls": {"type": "FocalLoss", "use_sigmoid": True},
            "loss_bbox": {"type": "GIoULoss"},
            "loss_centerness": SIGMOID,
        },
        "mask_head": {
            "type": "CondInstMaskHead",
            "num_layers": 3,
            "feat_channels": 8,
            "size_of_interest": 8,
            "mask_out_stride": 4,
            "max_masks_to_train": 50,
            "mask_feature_head": {
                "in_channels": 16,
                "feat_channels": 16,
                "start_level": 0,
                "end_level": 2,
                "out_channels": 8,
                "mask_stride": 8,
                "num_stacked_convs": 1,
                "norm_cfg": {"type": "BN", "requires_grad": True},
            },
            "loss_mask": {"type": "DiceLoss", "use_sigmoid": True, "activate": True, "eps": 5e-6},
        },
        "test_cfg": single_stage_test(per_img, mask_thr=0.5),
    }


MASK_DETECTORS = {"Mask R-CNN": mask_rcnn, "RTMDet-Ins": rtmdet_ins, "CondInst": condinst}
