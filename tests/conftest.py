"""A small detector, real mmdet code, without pretrained weights."""

import numpy as np
import pytest
import torch
from skimage import data

from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.stack import prepare

prepare()

from mmengine.structures import InstanceData


def small_detector(**test_cfg) -> dict:
    """A YOLOX of nano width, whose raw predictions pass untouched by a score threshold."""
    return {
        "type": "YOLOX",
        "data_preprocessor": {
            "type": "DetDataPreprocessor",
            "mean": [123.675, 116.28, 103.53],
            "std": [58.395, 57.12, 57.375],
            "bgr_to_rgb": True,
            "pad_size_divisor": 32,
            "pad_value": 114.0,
        },
        "backbone": {
            "type": "CSPDarknet",
            "deepen_factor": 0.33,
            "widen_factor": 0.125,
            "out_indices": (2, 3, 4),
        },
        "neck": {"type": "YOLOXPAFPN", "in_channels": [32, 64, 128], "out_channels": 32, "num_csp_blocks": 1},
        "bbox_head": {"type": "YOLOXHead", "num_classes": 2, "in_channels": 32, "feat_channels": 32},
        "train_cfg": {"assigner": {"type": "SimOTAAssigner", "center_radius": 2.5}},
        "test_cfg": {"score_thr": 0.0, "nms": {"type": "nms", "iou_threshold": 0.65}, "max_per_img": 100, **test_cfg},
    }


@pytest.fixture
def detector_config() -> dict:
    return small_detector()


@pytest.fixture
def photo() -> torch.Tensor:
    """(3, 96, 131) RGB uint8: a real picture whose width is odd."""
    return torch.from_numpy(np.ascontiguousarray(data.astronaut()[40:136, 160:291])).permute(2, 0, 1)


def make_sample(source_hw: tuple[int, int], boxes: list[list[float]], img_id: int = 1, hr=None) -> DetDataSample:
    """A sample as PackSRDetInputs makes it."""
    sample = DetDataSample(
        metainfo={"img_id": img_id, "source_shape": source_hw, "ori_shape": source_hw, "img_shape": source_hw}
    )
    bboxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    sample.gt_instances = InstanceData(bboxes=bboxes, labels=torch.zeros(len(bboxes), dtype=torch.long))
    if hr is not None:
        sample.set_field(hr, "hr")
    return sample


@pytest.fixture
def sample_of():
    return make_sample
