"""The three regions of an image."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.losses.srobb.regions import box_masks, regions

HW = (12, 16)


def of_boxes(*boxes, hw=HW, radius=2):
    xyxy = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return regions(box_masks(xyxy, hw), hw, radius)


@st.composite
def some_boxes(draw):
    count = draw(st.integers(0, 4))
    sides = st.floats(-3, 18, allow_nan=False, width=32)
    boxes = []
    for _ in range(count):
        x1, x2 = sorted((draw(sides), draw(sides)))
        y1, y2 = sorted((draw(sides), draw(sides)))
        boxes.append([x1, y1, x2, y2])
    return boxes


@given(some_boxes(), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_they_part_the_image(boxes, radius):
    parts = of_boxes(*boxes, radius=radius)
    total = parts.object + parts.boundary + parts.background
    assert torch.equal(total, torch.ones(HW))


def test_without_objects_all_is_background():
    parts = of_boxes()
    assert parts.background.all()
    assert not parts.boundary.any()


def test_the_band_about_a_box():
    """From 2 pixels outside the edges to 2 inside, and no corner of the disk's square."""
    parts = of_boxes([4, 3, 12, 9])
    row = parts.boundary[6]
    assert row.nonzero().flatten().tolist() == [2, 3, 4, 5, 10, 11, 12, 13]
    assert parts.object[6].nonzero().flatten().tolist() == [6, 7, 8, 9]
    column = parts.boundary[:, 8]
    assert column.nonzero().flatten().tolist() == [1, 2, 3, 4, 7, 8, 9, 10]
    assert parts.background[1, 2] == 1  # a corner, more than 2 pixels off


@pytest.mark.parametrize("radius", [1, 2, 3, 4])
def test_the_boundary_is_within_the_radius(radius):
    """Against distances to every pixel beside an edge, one by one."""
    mask = torch.zeros(14, 17, dtype=torch.bool)
    mask[3:9, 5:12] = True
    mask[8:11, 9:15] = True
    beside = []
    for y in range(14):
        for x in range(17):
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                b, a = y + dy, x + dx
                if 0 <= b < 14 and 0 <= a < 17 and mask[b, a] != mask[y, x]:
                    beside.append((y, x))
    expected = torch.zeros(14, 17)
    for y in range(14):
        for x in range(17):
            near = min((y - b) ** 2 + (x - a) ** 2 for b, a in beside)
            expected[y, x] = float(near <= (radius - 1) ** 2)
    assert torch.equal(regions([mask], (14, 17), radius).boundary, expected)


def test_convention_the_border_of_the_image_is_no_edge():
    parts = of_boxes([0, 3, 8, 9])
    assert parts.object[6].nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 5]
    assert not parts.boundary[6, :6].any()
    whole = of_boxes([-2, -2, 20, 20])
    assert whole.object.all()


def test_the_edge_between_two_objects_is_a_boundary():
    parts = of_boxes([0, 0, 8, 12], [8, 0, 16, 12], radius=1)
    assert parts.boundary[5].nonzero().flatten().tolist() == [7, 8]
    assert not parts.background.any()


def test_a_box_smaller_than_the_band_is_all_boundary():
    parts = of_boxes([5.2, 5.2, 5.8, 5.8])
    assert not parts.object.any()
    assert parts.boundary.sum() > 0
    assert of_boxes([5, 5, 5, 5]).background.all()
