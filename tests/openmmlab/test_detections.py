"""Views of one image made one: the detector's own suppression and cap over all of them."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from mmisr.openmmlab.detections import box_cap, merge_rule, merged, no_instances


def detector(**test_cfg):
    return SimpleNamespace(test_cfg=ConfigDict(test_cfg))


def instances(*rows):
    boxes = torch.tensor([row[:4] for row in rows], dtype=torch.float32).reshape(-1, 4)
    return InstanceData(
        bboxes=boxes,
        scores=torch.tensor([row[4] for row in rows]),
        labels=torch.tensor([row[5] for row in rows], dtype=torch.long),
    )


A = (0, 0, 10, 10, 0.9, 0)
A_AGAIN = (1, 0, 11, 10, 0.8, 0)
A_OTHER_CLASS = (0, 0, 10, 10, 0.7, 1)
B = (50, 50, 60, 60, 0.6, 0)


@pytest.mark.parametrize(
    ("views", "config", "scores"),
    [
        ([instances()], {}, []),
        ([instances(A), instances(A_AGAIN, B)], {"nms": {"iou_threshold": 0.5}}, [0.9, 0.6]),
        ([instances(A), instances(A_AGAIN, B)], {"nms": {"iou_threshold": 0.9}}, [0.9, 0.8, 0.6]),
        ([instances(A, A_OTHER_CLASS)], {"nms": {"iou_threshold": 0.5}}, [0.9, 0.7]),
        (
            [instances(A, A_OTHER_CLASS)],
            {"nms": {"iou_threshold": 0.5, "class_agnostic": True}},
            [0.9],
        ),
        ([instances(A, A_AGAIN, B)], {"nms": {"type": "soft_nms"}}, [0.9, 0.6]),
        ([instances(B), instances(A)], {}, [0.9, 0.6]),
        ([instances(A, A_AGAIN, B)], {}, [0.9, 0.6]),
        ([instances(A, B)], {"max_per_img": 1}, [0.9]),
        ([instances(A, A_AGAIN, B)], {"rcnn": {"nms": {"iou_threshold": 0.5}}}, [0.9, 0.6]),
    ],
)
def test_what_is_left(views, config, scores):
    left = merged(views, merge_rule(detector(**config)))
    assert left.scores.tolist() == pytest.approx(scores)
    assert left.bboxes.shape == (len(scores), 4)


def test_the_cap_is_that_of_the_last_stage():
    assert box_cap(detector(max_per_img=7)) == 7
    assert box_cap(detector(rpn={"max_per_img": 1000}, rcnn={"max_per_img": 5})) == 5
    assert box_cap(detector()) is None
    assert box_cap(SimpleNamespace()) is None


def test_nothing_has_all_fields():
    nothing = no_instances(torch.device("cpu"))
    assert nothing.bboxes.shape == (0, 4)
    assert len(nothing.scores) == len(nothing.labels) == 0
