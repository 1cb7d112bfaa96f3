"""Rectangles cover what they must, cost what they say, and stay in their tiles."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.ops.tokens import covered_pixels, grid_hw, merge_rectangles, spread, window_sides


def masks(most=20):
    size = st.integers(1, most)
    return st.tuples(size, size, st.integers(0, 2**31), st.floats(0, 1)).map(
        lambda t: np.random.default_rng(t[2]).random((t[0], t[1])) < t[3]
    )


def times_covered(rects, shape):
    out = np.zeros(shape, dtype=int)
    for y1, x1, y2, x2 in rects:
        out[y1:y2, x1:x2] += 1
    return out


@settings(max_examples=60, deadline=None)
@given(mask=masks(), halo=st.sampled_from([0, 2, 4, 11]), tile=st.sampled_from([4, 16]))
def test_rectangles_cover_every_marked_token_once(mask, halo, tile):
    rects = merge_rectangles(mask, 8, halo, tile=tile)
    assert (times_covered(rects, mask.shape)[mask] == 1).all()
    y1, x1, y2, x2 = rects.T
    assert (
        (y1 >= 0)
        & (y1 < y2)
        & (y2 <= mask.shape[0])
        & (x1 >= 0)
        & (x1 < x2)
        & (x2 <= mask.shape[1])
    ).all()
    assert (y1 // tile == (y2 - 1) // tile).all()
    assert (x1 // tile == (x2 - 1) // tile).all()
    assert np.array_equal(rects, merge_rectangles(mask, 8, halo, tile=tile))


@settings(max_examples=60, deadline=None)
@given(mask=masks(), halo=st.sampled_from([2, 4]))
def test_merging_never_costs_more_than_a_window_per_token(mask, halo):
    rects = merge_rectangles(mask, 8, halo, overhead=0)
    assert covered_pixels(rects, 8, halo) <= mask.sum() * (8 + 2 * halo) ** 2


@pytest.mark.parametrize(("count", "side"), [(1, 12), (3, 28), (5, 52), (16, 132)])
def test_windows_come_in_few_sides(count, side):
    assert window_sides(np.array([count]), 8, 2).tolist() == [side]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["..", ".."], []),
        (["#."], [[0, 0, 1, 1]]),
        (["##", "##"], [[0, 0, 2, 2]]),
        (["##", "#."], [[0, 0, 2, 2]]),  # computing one token too many is cheaper than two halos
        (["#" + "." * 9 + "#"], [[0, 0, 1, 1], [0, 10, 1, 11]]),
    ],
)
def test_merging_by_hand(rows, expected):
    mask = np.array([[c == "#" for c in row] for row in rows])
    assert sorted(merge_rectangles(mask, 8, 4).tolist()) == expected


def test_a_solid_block_is_one_window():
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:14, 1:9] = True
    assert merge_rectangles(mask, 8, 2).tolist() == [[2, 1, 14, 9]]


def test_spread_gives_pixels_their_tokens_value():
    exits = torch.tensor([[[0, 2], [1, 0]]])
    out = spread(exits, 2)
    assert out.dtype == exits.dtype
    assert out[0, 0].tolist() == [[0, 0, 2, 2], [0, 0, 2, 2], [1, 1, 0, 0], [1, 1, 0, 0]]


@pytest.mark.parametrize(("hw", "grid"), [((8, 8), (1, 1)), ((9, 17), (2, 3)), ((1, 1), (1, 1))])
def test_grid_counts_cut_tokens(hw, grid):
    assert grid_hw(hw, 8) == grid
