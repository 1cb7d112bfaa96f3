"""Images at a smaller size: the pixels of the LR recipe, boxes and masks with them."""

import numpy as np
import pytest
import torch
from mmdet.structures.mask import BitmapMasks
from skimage import data

from mmisr.datasets.reducing import ReduceImage
from mmisr.degradation.transform import SimulateLR
from mmisr.openmmlab.datasets import HorizontalBoxes
from mmisr.ops.motion import HOMOGRAPHY


@pytest.fixture
def results():
    bgr = np.ascontiguousarray(data.astronaut()[40:104, 160:256, ::-1])
    masks = np.zeros((1, 64, 96), np.uint8)
    masks[0, 8:16, 4:24] = 1
    return {
        "img": bgr,
        "img_id": 17,
        "img_path": "a.png",
        "gt_bboxes": HorizontalBoxes(torch.tensor([[4.0, 8.0, 24.0, 16.0]])),
        "gt_masks": BitmapMasks(masks, 64, 96),
    }


@pytest.mark.parametrize("scale", [2, 4])
def test_pixels_are_those_of_the_lr_recipe(results, scale):
    lr = SimulateLR(scale)(dict(results))["lr"]
    reduced = ReduceImage(scale)(dict(results))
    np.testing.assert_array_equal(reduced["img"], lr)
    assert reduced["img_shape"] == reduced["ori_shape"] == lr.shape[:2]


def test_compressed_afterwards_it_is_the_lr_image_of_the_joint_task(results):
    """Step one of two learns on the pixels that the joint editor sees."""
    joint = SimulateLR(4, jpeg_quality=(10, 100))(dict(results))["lr"]
    first = SimulateLR(1, jpeg_quality=(10, 100))(ReduceImage(4)(dict(results)))
    np.testing.assert_array_equal(first["lr"], joint)
    assert (first["lr"] != first["img"]).any()


def test_boxes_and_masks_shrink_with_it(results):
    reduced = ReduceImage(4)(results)
    assert reduced["gt_bboxes"].tensor.tolist() == [[1.0, 2.0, 6.0, 4.0]]
    assert reduced["gt_masks"].masks.shape == (1, 16, 24)
    assert reduced["gt_masks"].masks[0, 2:4, 1:6].all()
    assert reduced["gt_masks"].masks.sum() == 10
    np.testing.assert_allclose(reduced[HOMOGRAPHY], np.diag([0.25, 0.25, 1]))


def test_one_changes_nothing(results):
    before = results["img"].copy()
    np.testing.assert_array_equal(ReduceImage(1)(results)["img"], before)


@pytest.mark.parametrize("scale", [0, 2.5, True])
def test_bad_factors_are_named(scale):
    with pytest.raises(ValueError, match=rf"ReduceImage\.scale must be a whole number.*{scale}"):
        ReduceImage(scale)


def test_a_side_that_is_no_multiple_is_named(results):
    message = (
        r"a\.png: sides must be multiples of ReduceImage\.scale=5, found 96x64; put mmisr\.Crop"
    )
    with pytest.raises(ValueError, match=message):
        ReduceImage(5)(results)
