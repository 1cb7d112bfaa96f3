"""When a box can be used; the data set and the check of sets share the rule."""

import pytest

from mmisr.datasets.coco_boxes import box_in_image


@pytest.mark.parametrize(
    ("bbox", "xyxy", "empty", "outside", "numbers"),
    [
        ([8, 8, 16, 12], (8, 8, 24, 20), False, False, 4),
        ([-1, 0, 10, 10], (0, 0, 9, 10), False, False, 4),  # rounding: a pixel at most
        ([-1.5, 0, 10, 10], (0, 0, 8.5, 10), False, True, 4),
        ([60, 40, 10, 10], (60, 40, 64, 48), False, True, 4),
        ([70, 5, 4, 4], (70, 5, 64, 9), True, True, 4),
        ([5, 5, 0, 9], (5, 5, 5, 14), True, False, 4),
        ([5, 5, 3, 9, 0.4], (0, 0, 0, 0), True, False, 5),  # a rotated box
        ([1, 1, 9, 1, 9, 9, 1, 9], (0, 0, 0, 0), True, False, 8),  # a polygon
        ("8 8 16 12", (0, 0, 0, 0), True, False, 0),
        (None, (0, 0, 0, 0), True, False, 0),
    ],
)
def test_boxes_in_an_image_of_64x48(bbox, xyxy, empty, outside, numbers):
    box = box_in_image(bbox, 64, 48)
    assert (box.xyxy, box.is_empty, box.is_outside, box.numbers) == (xyxy, empty, outside, numbers)
