"""Rectangles on a canvas: inside it, side by side, and close together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.ops.packing import pack, pack_to_width

SIZES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 12)), min_size=1, max_size=25)


def painted(sizes, packing):
    """How many rectangles lie over each cell of the canvas."""
    canvas = np.zeros(packing.canvas_hw, dtype=int)
    for (height, width), (top, left) in zip(sizes, packing.corners, strict=True):
        canvas[top : top + height, left : left + width] += 1
    return canvas


@settings(max_examples=100, deadline=None)
@given(SIZES)
def test_no_two_overlap_and_all_lie_inside(sizes):
    sizes = np.array(sizes)
    packing = pack(sizes)
    canvas = painted(sizes, packing)
    assert canvas.max() == 1
    assert canvas.sum() == sizes.prod(1).sum(), "something lies beyond the canvas"


@pytest.mark.parametrize(
    ("sizes", "canvas"),
    [
        ([(3, 5)], (3, 5)),
        ([(2, 2)] * 4, (4, 4)),
        ([(1, 7), (6, 1)], (7, 7)),
    ],
)
def test_small_cases(sizes, canvas):
    assert pack(np.array(sizes)).canvas_hw == canvas


def test_a_given_width_is_kept():
    sizes = np.array([(2, 3), (2, 3), (2, 3)])
    assert pack_to_width(sizes, 3).canvas_hw == (6, 3)
    assert pack_to_width(sizes, 7).canvas_hw == (4, 6)


def test_many_windows_fill_most_of_their_canvas():
    rng = np.random.default_rng(0)
    sizes = rng.integers(3, 12, (60, 2))
    packing = pack(sizes)
    assert sizes.prod(1).sum() / packing.area > 0.88
