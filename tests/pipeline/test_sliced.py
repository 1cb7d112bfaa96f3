"""Slices of an image through a real detector.

Where they lie, what comes back, and what merging does.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sahi.postprocess.backends import set_postprocess_backend
from torchvision.ops import box_iou

from mmisr.apis.configs import read_config
from mmisr.openmmlab.detector import build_detector
from mmisr.pipeline.sliced import SlicedDetector, Slicing, box_cap, merged
from mmisr.registry import MODELS
from tests.blobs import image_of

ROOT = Path(__file__).parents[2]
PAIR = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
HW = (96, 131)


@pytest.fixture(autouse=True)
def plain_numpy():
    """The compiled back end takes seconds to compile."""
    set_postprocess_backend("numpy")
    yield
    set_postprocess_backend("auto")


def test_slices_cover_the_image_and_overlap():
    boxes = Slicing(whole=False).boxes(HW)
    assert boxes == [(0, 0, 73, 54), (58, 0, 131, 54), (0, 42, 73, 96), (58, 42, 131, 96)]
    assert Slicing().boxes(HW)[-1] == (0, 0, 131, 96)
    # An image that fits into one slice is detected once.
    assert Slicing(slice_hw=(200, 200)).boxes(HW) == [(0, 0, 131, 96)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"overlap": 1.0}, "0 <= overlap < 1"),
        ({"factor": 0}, "factor > 0"),
        ({"threshold": 0}, "0 < threshold <= 1"),
        ({"merge": "nms"}, r"sliced.merge must be one of \['GREEDYNMM', .*got 'nms'"),
        ({"match": "GIOU"}, "match IOU or IOS"),
        ({"slice_hw": (0, 5)}, r"sliced.slice_hw must be \(height, width\)"),
    ],
)
def test_values_that_slice_nothing(wrong, message):
    with pytest.raises(ValueError, match=message):
        Slicing(**wrong)


@pytest.fixture(scope="module")
def trees():
    """(3, 96, 131) RGB uint8: trees at full resolution."""
    image = cv2.imread(str(next(iter(sorted((ROOT / "data/tree_crowns/val").iterdir())))))
    return torch.from_numpy(np.ascontiguousarray(image[100:196, 100:231, ::-1])).permute(2, 0, 1)


@pytest.fixture
def predict(trees, sample_of, monkeypatch):
    """Detects the trees, plainly or slice by slice, and gives the pair too."""
    monkeypatch.chdir(ROOT)

    def run(slicing=None, watch=None):
        model = read_config(PAIR).model
        pair = MODELS.build({**model, "editor": {"type": "mmisr.Resample", "scale": 1}}).eval()
        if slicing is not None:
            pair.detector = SlicedDetector(pair.detector, slicing)
        if watch is not None:
            watch(pair.detector.detector)
        with torch.no_grad():
            return pair.test_step({"inputs": [trees], "data_samples": [sample_of(HW, [])]})[
                0
            ].pred_instances

    return run


def test_one_slice_of_everything_is_the_plain_detector(predict):
    plain = predict()
    # At threshold 1 nothing is merged that the detector's own NMS has left.
    sliced = predict(Slicing(slice_hw=HW, threshold=1.0))
    assert len(sliced) == len(plain) > 10
    torch.testing.assert_close(sliced.bboxes, plain.bboxes)
    torch.testing.assert_close(sliced.scores, plain.scores)
    assert torch.equal(sliced.labels, plain.labels)


def test_boxes_of_a_slice_come_back_where_it_lies(predict):
    """Slices that are enlarged twice: their boxes are halved and moved."""
    slicing, seen = (
        Slicing(slice_hw=(48, 64), overlap=0.0, factor=2.0, threshold=1.0, whole=False),
        [],
    )

    def watch(inner):
        predict_one = inner.predict

        def predict_and_note(inputs, samples):
            found = predict_one(inputs, samples)
            seen.append((samples[0].img_shape, found[0].pred_instances.bboxes.clone()))
            return found

        inner.predict = predict_and_note

    found = predict(slicing, watch)
    places = slicing.boxes(HW)
    assert places == [
        (0, 0, 64, 48),
        (64, 0, 128, 48),
        (67, 0, 131, 48),
        (0, 48, 64, 96),
        (64, 48, 128, 96),
        (67, 48, 131, 96),
    ]
    assert [shape for shape, _ in seen] == [(96, 128)] * len(places)
    moved = torch.cat(
        [
            b / 2 + torch.tensor([x, y, x, y])
            for (x, y, _, _), (_, b) in zip(places, seen, strict=True)
        ]
    )
    moved = torch.minimum(moved.clamp(min=0), torch.tensor([HW[1], HW[0], HW[1], HW[0]]).float())
    assert len(found) == len(moved) > 10
    distance = (found.bboxes[:, None] - moved[None]).abs().amax(-1).amin(1)
    assert float(distance.max()) < 1e-3


def test_overlapping_slices_do_not_find_things_twice(predict):
    sliced = predict(Slicing())
    overlap = box_iou(sliced.bboxes, sliced.bboxes).fill_diagonal_(0)
    assert float(overlap.max()) < 0.5
    assert len(predict(Slicing(threshold=1.0))) > len(sliced) > 10


def test_merging_is_by_class_and_capped():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [50, 50, 60, 60]])
    part = (boxes, torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([0, 0, 1, 0]))
    found = merged([part], (100, 100), Slicing(), None)
    assert found.scores.tolist() == pytest.approx([0.9, 0.7, 0.6])
    assert found.labels.tolist() == [0, 1, 0]
    assert merged([part], (100, 100), Slicing(), 2).scores.tolist() == pytest.approx([0.9, 0.7])


def test_merging_can_grow_boxes():
    boxes = torch.tensor([[0.0, 0, 10, 10], [2, 0, 12, 10]])
    part = (boxes, torch.tensor([0.9, 0.8]), torch.zeros(2, dtype=torch.long))
    found = merged([part], (100, 100), Slicing(merge="GREEDYNMM", match="IOS"), None)
    assert found.bboxes.tolist() == [[0, 0, 12, 10]]


BLOBS = [(3, 5, 9, 11), (50, 44, 60, 56), (100, 70, 130, 90), (71, 10, 75, 12)]
"""The second and the last lie where slices overlap."""


@pytest.mark.parametrize("factor", [1.0, 2.0])
@pytest.mark.parametrize("native", [False, True])
def test_every_mask_comes_back_with_its_object(factor, native, sample_of):
    pair = MODELS.build(
        {
            "type": "mmisr.SRDetector",
            "editor": {"type": "mmisr.Resample", "mode": "nearest", "scale": 2},
            "detector": {"type": "BlobDetector", "masks": True},
        }
    ).eval()
    slicing = Slicing(factor=factor)
    pair.detector = SlicedDetector(pair.detector, slicing)
    scale = 1 if native else 2
    sample = sample_of((HW[0] * scale, HW[1] * scale), [])
    with torch.no_grad():
        (found,) = pair.test_step({"inputs": [image_of(HW, BLOBS)], "data_samples": [sample]})
    instances = found.pred_instances
    assert sorted(instances.keys()) == ["bboxes", "labels", "masks", "scores"]
    # Parts of objects that slices cut are found beside the whole ones.
    whole = [tuple(box) for box in (instances.bboxes / scale).tolist()]
    assert {*map(tuple, BLOBS)} <= {*whole}
    for mask, box in zip(instances.masks, instances.bboxes.long().tolist(), strict=True):
        x1, y1, x2, y2 = box
        alone = torch.zeros_like(mask)
        alone[y1:y2, x1:x2] = True
        assert torch.equal(mask, alone)


def test_masks_are_not_merged_by_making_new_boxes():
    detector = build_detector({"type": "BlobDetector", "masks": True})
    with pytest.raises(ValueError, match="must be one of .'NMS', 'LSNMS'. for a detector that pre"):
        SlicedDetector(detector, Slicing(merge="NMM"))


def test_nothing_found_is_nothing_merged():
    part = (torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long))
    found = merged([part], (100, 100), Slicing(), 5)
    assert found.bboxes.shape == (0, 4)
    assert found.labels.dtype == torch.long


def test_the_cap_is_the_detectors(detector_config):
    assert box_cap(build_detector(detector_config)) == 100


def test_without_the_package_there_is_one_line(detector_config, monkeypatch):
    monkeypatch.setitem(sys.modules, "sahi", None)
    with pytest.raises(
        ImportError,
        match=r"needs the sahi package, which is not installed: pip install 'mmisr\[sahi\]'",
    ):
        SlicedDetector(build_detector(detector_config), Slicing())


def test_slices_are_for_testing(detector_config, photo):
    sliced = SlicedDetector(build_detector(detector_config), Slicing())
    with pytest.raises(NotImplementedError, match="sliced inference is for testing"):
        sliced.loss([photo], [])
