"""Grids: windows cover the frame, cores share it out, and small objects lie in their window."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.ops.grid import Grid

SIDES = st.integers(1, 60)


@st.composite
def grids(draw):
    sizes = draw(st.tuples(SIDES, SIDES))
    overlaps = tuple(draw(st.integers(0, size - 1)) for size in sizes)
    return Grid(draw(st.tuples(SIDES, SIDES)), sizes, overlaps)


@settings(max_examples=60, deadline=None)
@given(grid=grids())
def test_cores_share_out_the_frame_and_lie_in_their_windows(grid):
    owners = np.zeros(grid.hw, dtype=int)
    for window, core in zip(grid.windows(), grid.cores(), strict=True):
        left, top, right, bottom = core
        owners[top:bottom, left:right] += 1
        assert (window[:2] <= core[:2]).all() and (core[2:] <= window[2:]).all()
        assert (window[2:] - window[:2]).tolist() == list(grid.window_hw[::-1])
        assert (window[2:] <= grid.hw[::-1]).all()
    assert (owners == 1).all()


@settings(max_examples=60, deadline=None)
@given(grid=grids(), data=st.data())
def test_what_fits_into_the_overlap_lies_whole_in_the_window_that_owns_it(grid, data):
    """The margin beside a core is half an overlap: the half that an object reaches over."""
    sides = []
    for length, overlap in zip(grid.hw, grid.overlap_hw, strict=True):
        side = data.draw(st.integers(1, max(1, min(overlap, length))))
        start = data.draw(st.integers(0, length - side))
        sides.append((start, start + side))
    (top, bottom), (left, right) = sides
    centre = np.array([left + right, top + bottom]) / 2
    cores = grid.cores()
    owns = (cores[:, :2] <= centre).all(1) & (centre < cores[:, 2:]).all(1)
    (owner,) = np.flatnonzero(owns)
    x1, y1, x2, y2 = grid.windows()[owner]
    for start, end, first, last, overlap in (
        (left, right, x1, x2, grid.overlap_hw[1]),
        (top, bottom, y1, y2, grid.overlap_hw[0]),
    ):
        if end - start <= overlap:
            assert first <= start and end <= last


def test_a_grid_has_gaps_nowhere():
    with pytest.raises(ValueError, match="0 <= overlap < size, got overlap=8, size=8"):
        Grid((10, 10), (8, 8), (8, 8))
