"""Test-time augmentation with masks: flipped views come back, boxes and masks alike."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from mmisr.openmmlab.testing import TTA_MODEL
from mmisr.openmmlab.tta import FLIPPED_AXES
from mmisr.registry import MODELS
from tests.blobs import image_of

HW = (40, 60)
BOXES = [(4, 6, 14, 20), (30, 2, 54, 10)]


@pytest.fixture(scope="module")
def pair():
    return {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "mode": "nearest", "scale": 2},
        "detector": {"type": "BlobDetector", "masks": True},
    }


def built(pair):
    return MODELS.build(ConfigDict({**TTA_MODEL, "module": pair}))


def merged(model, views, sample_of):
    inputs = []
    samples = []
    for direction in views:
        image = image_of(HW, BOXES)
        inputs.append([image.flip(FLIPPED_AXES[direction]) if direction else image])
        sample = sample_of((2 * HW[0], 2 * HW[1]), [])
        sample.set_metainfo({"flip": bool(direction), "flip_direction": direction})
        samples.append([sample])
    with torch.no_grad():
        return model.test_step({"inputs": inputs, "data_samples": samples})[0].pred_instances


@pytest.mark.parametrize(
    "views", [[None], [None, "horizontal"], [None, *FLIPPED_AXES], ["diagonal"]]
)
def test_an_object_is_found_once_with_its_mask(views, pair, sample_of):
    found = merged(built(pair), views, sample_of)
    expected = sorted([2.0 * v for v in box] for box in BOXES)
    assert sorted(found.bboxes.tolist()) == expected
    assert sorted(found.keys()) == ["bboxes", "labels", "masks", "scores"]
    for mask, box in zip(found.masks, found.bboxes.long().tolist(), strict=True):
        x1, y1, x2, y2 = box
        assert int(mask.sum()) == (x2 - x1) * (y2 - y1)
        assert mask[y1:y2, x1:x2].all()


def test_the_cap_holds_and_the_best_come_first(pair, sample_of):
    model = built(pair)
    model.tta_cfg.max_per_img = 1
    found = merged(model, [None, "horizontal"], sample_of)
    assert found.bboxes.tolist() == [[60, 4, 108, 20]]
    assert found.masks.shape == (1, 80, 120)


def test_run_lengths_are_no_pixels(pair, sample_of):
    model = built({**pair, "test_cfg": {"masks": "runs"}})
    with pytest.raises(ValueError, match=r"must be pixels.*masks='runs' gives run lengths"):
        merged(model, [None, "horizontal"], sample_of)


def test_nothing_found(pair, sample_of):
    model = built(pair)
    sample = sample_of((80, 120), [])
    sample.pred_instances = InstanceData(
        bboxes=torch.zeros(0, 4),
        scores=torch.zeros(0),
        labels=torch.zeros(0, dtype=torch.long),
        masks=torch.zeros(0, 80, 120, dtype=torch.bool),
    )
    (found,) = model.merge_preds([[sample, sample.clone()]])
    assert found.pred_instances.masks.shape == (0, 80, 120)
