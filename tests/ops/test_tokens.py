"""Rectangles cover what they must, cost what they say, and stay in their tiles."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.ops.tokens import Rect, covered_pixels, grid_hw, merge_rectangles, spread


def masks(most=20):
    size = st.integers(1, most)
    return st.tuples(size, size, st.integers(0, 2**31), st.floats(0, 1)).map(
        lambda t: np.random.default_rng(t[2]).random((t[0], t[1])) < t[3]
    )


def painted(rects, shape):
    out = np.zeros(shape, dtype=bool)
    for rect in rects:
        out[rect.tokens()] = True
    return out


@settings(max_examples=60, deadline=None)
@given(mask=masks(), halo=st.sampled_from([0, 2, 4, 11]), tile=st.sampled_from([4, 16]))
def test_rectangles_cover_every_marked_token(mask, halo, tile):
    rects = merge_rectangles(mask, 8, halo, tile=tile)
    assert not (mask & ~painted(rects, mask.shape)).any()
    assert all(0 <= r.y1 < r.y2 <= mask.shape[0] and 0 <= r.x1 < r.x2 <= mask.shape[1] for r in rects)
    assert all(r.y1 // tile == (r.y2 - 1) // tile and r.x1 // tile == (r.x2 - 1) // tile for r in rects)
    assert rects == merge_rectangles(mask, 8, halo, tile=tile)


@settings(max_examples=60, deadline=None)
@given(mask=masks(), halo=st.sampled_from([2, 4]))
def test_merging_never_costs_more_than_a_window_per_token(mask, halo):
    whole = 10**6, 10**6  # no window is cut at a border
    shifted = [Rect(r.y1 + 50, r.x1 + 50, r.y2 + 50, r.x2 + 50) for r in merge_rectangles(mask, 8, halo, overhead=0)]
    assert covered_pixels(shifted, 8, halo, whole) <= mask.sum() * (8 + 2 * halo) ** 2


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["..", ".."], []),
        (["#."], [Rect(0, 0, 1, 1)]),
        (["##", "##"], [Rect(0, 0, 2, 2)]),
        (["##", "#."], [Rect(0, 0, 2, 2)]),  # computing one token too many is cheaper than two halos
        (["#" + "." * 9 + "#"], [Rect(0, 0, 1, 1), Rect(0, 10, 1, 11)]),
    ],
)
def test_merging_by_hand(rows, expected):
    mask = np.array([[c == "#" for c in row] for row in rows])
    assert sorted(merge_rectangles(mask, 8, 4), key=lambda r: (r.y1, r.x1)) == expected


def test_windows_are_cut_at_the_image():
    rect = Rect(0, 1, 1, 3)
    assert rect.window(8, 4, (16, 24)) == (slice(0, 12), slice(4, 24))
    assert rect.inner(8, 4) == (slice(0, 8), slice(4, 20))
    assert rect.pixels(8) == (slice(0, 8), slice(8, 24))
    assert covered_pixels([rect, rect], 8, 4, (16, 24)) == 2 * 12 * 20


def test_planning_a_large_frame_stays_quick():
    """Tiles keep the search from growing with the square of the whole map's rectangles."""
    import time

    mask = np.random.default_rng(0).random((90, 160)) < 0.3
    start = time.process_time()
    merge_rectangles(mask, 8, 4)
    assert time.process_time() - start < 2


def test_spread_gives_pixels_their_tokens_value():
    exits = torch.tensor([[[0, 2], [1, 0]]])
    out = spread(exits, 2)
    assert out.dtype == exits.dtype
    assert out[0, 0].tolist() == [[0, 0, 2, 2], [0, 0, 2, 2], [1, 1, 0, 0], [1, 1, 0, 0]]


@pytest.mark.parametrize(("hw", "grid"), [((8, 8), (1, 1)), ((9, 17), (2, 3)), ((1, 1), (1, 1))])
def test_grid_counts_cut_tokens(hw, grid):
    assert grid_hw(hw, 8) == grid
