"""Boxes and masks in the frame of a cut-out, as the page draws them."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.evaluation.functional.coco_records import ImageRecord
from mmisr.evaluation.functional.mask_records import ImageMasks, encoded
from mmisr.reports.html.paths import contours, outlines, shapes

WINDOW = (10, 20, 100, 50)


@pytest.mark.parametrize(
    ("boxes", "path"),
    [
        (np.zeros((0, 4)), ""),
        (np.array([[12.0, 22.0, 20.0, 30.5]]), "M2 2H10V10.5H2z"),
        (np.array([[0.0, 0.0, 10.0, 20.0]]), ""),
        (np.array([[5.0, 15.0, 15.0, 25.0]]), "M-5 -5H5V5H-5z"),
    ],
)
def test_boxes_of_a_window(boxes, path):
    assert outlines(boxes, (10, 20, 100, 50)) == path


def points(path):
    """(N, 2) all points of a path."""
    numbers = [float(text) for text in re.findall(r"-?[\d.]+", path)]
    return np.array(numbers).reshape(-1, 2)


@settings(max_examples=40, deadline=None)
@given(st.integers(12, 60), st.integers(22, 50), st.integers(2, 40), st.integers(2, 18))
def test_the_contour_of_a_rectangle_is_half_a_pixel_inside_its_box(x, y, width, height):
    mask = np.zeros((90, 130), dtype=np.uint8)
    mask[y : y + height, x : x + width] = 1
    found = points(contours(mask, WINDOW))
    np.testing.assert_array_equal(found.min(0), [x - 10 + 0.5, y - 20 + 0.5])
    np.testing.assert_array_equal(found.max(0), [x + width - 10.5, y + height - 20.5])


def test_masks_beyond_the_window_are_not_drawn_and_holes_are():
    mask = np.zeros((90, 130), dtype=np.uint8)
    mask[0:10, 0:10] = 1
    assert contours(mask, WINDOW) == ""
    mask[30:50, 40:70] = 1
    mask[35:45, 50:60] = 0
    assert contours(mask, WINDOW).count("M") == 2
    whole = contours(mask, (0, 0, 130, 90))
    assert whole.count("M") == 3


@pytest.mark.parametrize("side", ["gt", "det"])
def test_shapes_are_boxes_and_their_masks(side):
    boxes = [[30, 30, 50, 40], [60, 30, 80, 40]]
    xyxy = np.array(boxes, dtype=np.float64)
    labels = np.zeros(2, dtype=np.int64)
    ones = np.ones(2)
    record = ImageRecord(1, xyxy, labels, ones, labels > 0, xyxy, labels, ones, ones)
    plain = outlines(xyxy[1:], WINDOW)
    assert shapes(record, side, np.array([1]), WINDOW) == plain
    masks = np.zeros((2, 90, 130), dtype=np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = 1
    counts = encoded(masks)
    record = dataclasses.replace(record, masks=ImageMasks((90, 130), counts, counts))
    expected = plain + contours(masks[1], WINDOW)
    assert shapes(record, side, np.array([1]), WINDOW) == expected
    assert shapes(record, side, np.array([False, True]), WINDOW) == expected
