"""The sahi package's rules, by name."""

import sys

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from sahi.postprocess.backends import set_postprocess_backend

from mmisr.openmmlab.detector import build_detector
from mmisr.ops.placed_masks import PlacedMask
from mmisr.pipeline.sahi_merge import SahiMerge, merged_by_sahi
from mmisr.pipeline.slices import Slicer, Slices

HW = (100, 100)


@pytest.fixture(autouse=True)
def plain_numpy():
    """The compiled back end takes seconds to compile."""
    set_postprocess_backend("numpy")
    yield
    set_postprocess_backend("auto")


def view_of(boxes, scores, labels, **more):
    return InstanceData(
        bboxes=torch.tensor(boxes).reshape(-1, 4),
        scores=torch.tensor(scores),
        labels=torch.tensor(labels, dtype=torch.long),
        **more,
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sahi": "nms"}, r"sahi must be one of \['GREEDYNMM', .*got 'nms'"),
        ({"sahi": "NMS", "match": "GIOU"}, "match IOU or IOS"),
        ({"sahi": "NMS", "threshold": 0}, "0 < threshold <= 1"),
    ],
)
def test_rules_that_sahi_does_not_have(wrong, message):
    with pytest.raises(ValueError, match=message):
        SahiMerge(**wrong)


def test_merging_is_by_class_and_capped():
    boxes = [[0.0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [50, 50, 60, 60]]
    masks = [PlacedMask(torch.ones(1, 1).bool(), x, 0) for x in range(4)]
    view = view_of(boxes, [0.9, 0.8, 0.7, 0.6], [0, 0, 1, 0], masks=masks)
    found = merged_by_sahi([view], HW, SahiMerge("NMS"), None)
    assert found.scores.tolist() == pytest.approx([0.9, 0.7, 0.6])
    assert found.labels.tolist() == [0, 1, 0]
    assert [mask.x for mask in found.masks] == [0, 2, 3]
    found = merged_by_sahi([view], HW, SahiMerge("NMS"), 2)
    assert found.scores.tolist() == pytest.approx([0.9, 0.7])


def test_merging_can_grow_boxes():
    view = view_of([[0.0, 0, 10, 10], [2, 0, 12, 10]], [0.9, 0.8], [0, 0])
    found = merged_by_sahi([view], HW, SahiMerge("GREEDYNMM", match="IOS"), None)
    assert found.bboxes.tolist() == [[0, 0, 12, 10]]


def test_nothing_found_is_nothing_merged():
    found = merged_by_sahi([view_of(np.zeros((0, 4)), [], [])], HW, SahiMerge("NMS"), 5)
    assert found.bboxes.shape == (0, 4)
    assert found.labels.dtype == torch.long


def test_masks_are_not_merged_by_making_new_boxes():
    detector = build_detector({"type": "BlobDetector", "masks": True})
    slices = Slices(merge={"sahi": "NMM"})
    with pytest.raises(ValueError, match="must be one of .'NMS', 'LSNMS'. for a detector that pre"):
        Slicer(slices, detector)


def test_without_the_package_there_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "sahi", None)
    with pytest.raises(
        ImportError,
        match=r"needs the sahi package, which is not installed: pip install 'mmisr\[sahi\]'",
    ):
        SahiMerge("NMS")
