"""Crops and turns: pixels and boxes move together."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.datasets.crops import CropToMultiple, RandomPatch, RandomTurn
from mmisr.openmmlab.datasets import HorizontalBoxes


def painted(hw: tuple[int, int], xyxy: list[list[int]]) -> dict:
    """An image that is white inside its boxes and black outside, as results of a pipeline."""
    image = np.zeros((*hw, 3), np.uint8)
    for x1, y1, x2, y2 in xyxy:
        image[y1:y2, x1:x2] = 255
    boxes = torch.tensor(xyxy, dtype=torch.float32).reshape(-1, 4)
    return {
        "img": image,
        "img_shape": hw,
        "ori_shape": hw,
        "img_path": "a.png",
        "gt_bboxes": HorizontalBoxes(boxes),
        "gt_bboxes_labels": np.arange(len(boxes)),
        "gt_ignore_flags": np.arange(len(boxes)) % 2 == 1,
        "instances": [{"bbox": box, "number": i} for i, box in enumerate(xyxy)],
    }


def assert_boxes_are_on_the_paint(results: dict) -> None:
    image, boxes = results["img"], results["gt_bboxes"].tensor.int().tolist()
    assert results["img_shape"] == results["ori_shape"] == image.shape[:2]
    again = painted(image.shape[:2], boxes)["img"]
    np.testing.assert_array_equal(image, again)
    numbers = [i["number"] for i in results["instances"]]
    assert numbers == results["gt_bboxes_labels"].tolist()
    assert [bool(n % 2) for n in numbers] == results["gt_ignore_flags"].tolist()


BOXES = [[2, 3, 9, 11], [40, 30, 47, 37], [44, 0, 47, 5], [0, 36, 12, 37]]


@pytest.mark.parametrize(
    ("multiple", "hw", "left"),
    [(1, (37, 47), 4), (2, (36, 46), 3), (4, (36, 44), 2), (8, (32, 40), 1)],
)
def test_crop_to_multiple(multiple, hw, left):
    """The third box vanishes at x4, where 44 columns are left; the fourth with the last row."""
    results = CropToMultiple(multiple)(painted((37, 47), BOXES))
    assert results["img"].shape[:2] == hw
    assert len(results["gt_bboxes"]) == left
    assert_boxes_are_on_the_paint(results)


def test_crop_without_annotations():
    results = CropToMultiple(4)({"img": np.zeros((9, 10, 3), np.uint8)})
    assert results["img_shape"] == results["ori_shape"] == (8, 8)


def test_crop_of_too_small_an_image():
    with pytest.raises(
        ValueError,
        match="a.png must be at least 4 pixels on each side to be reduced 4 times, found 9x3",
    ):
        CropToMultiple(4)(painted((3, 9), []))
    with pytest.raises(ValueError, match="multiple must be at least 1, got 0"):
        CropToMultiple(0)


@settings(max_examples=60, deadline=None)
@given(
    h=st.integers(3, 60), w=st.integers(3, 60), size=st.integers(1, 40), seed=st.integers(0, 2**31)
)
def test_patches_have_the_size_and_keep_boxes_on_the_paint(h, w, size, seed):
    np.random.seed(seed)
    x, y = sorted(np.random.randint(0, w + 1, 2)), sorted(np.random.randint(0, h + 1, 2))
    results = RandomPatch(size)(
        painted((h, w), [[x[0], y[0], x[1], y[1]]] if x[0] < x[1] and y[0] < y[1] else [])
    )
    assert results["img"].shape == (size, size, 3)
    if min(h, w) >= size:
        assert_boxes_are_on_the_paint(results)


@pytest.mark.parametrize("around", [0.0, 1.0])
def test_patches_are_drawn_around_boxes(around):
    """One small box in a large image: with around_box=1 every patch shows it, with 0 few do."""
    np.random.seed(0)
    shown = [
        len(RandomPatch(32, around)(painted((400, 400), [[390, 5, 396, 9]]))["gt_bboxes"])
        for _ in range(60)
    ]
    assert all(shown) if around else sum(shown) < 6


def test_patches_reach_every_corner():
    np.random.seed(0)
    image = {"img": np.arange(5 * 6).reshape(5, 6, 1).repeat(3, 2).astype(np.uint8)}
    seen = {int(RandomPatch(4)(dict(image))["img"][0, 0, 0]) for _ in range(200)}
    assert seen == {0, 1, 2, 6, 7, 8}


def test_wrong_patches():
    for arguments in ((0,), (8, 1.5)):
        with pytest.raises(
            ValueError, match="RandomPatch needs size >= 1 and 0 <= around_box <= 1"
        ):
            RandomPatch(*arguments)


def test_turns_move_pixels_and_boxes_alike():
    np.random.seed(0)
    shapes = set()
    for _ in range(24):
        results = RandomTurn()(painted((20, 31), [[2, 3, 9, 11], [12, 0, 31, 4]]))
        assert_boxes_are_on_the_paint(results)
        shapes.add((results["img_shape"], results["gt_bboxes"].tensor[0].tolist()[0]))
    assert len(shapes) == 4
