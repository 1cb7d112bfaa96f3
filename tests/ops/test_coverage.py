"""Boxes on the token grid against a count of fine pixels."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.ops.coverage import box_shares, centres_near, covered_share, raster, touched

EMPTY = torch.zeros((0, 4))
FINE = 4
"""Boxes on quarters of a pixel are whole pixels of a raster four times as fine."""


def quarter_boxes(most=60):
    side = st.integers(-10, most)
    return st.lists(st.tuples(side, side, st.integers(0, 40), st.integers(0, 40)), max_size=6).map(
        lambda rows: (
            torch.tensor([[x, y, x + w, y + h] for x, y, w, h in rows]).reshape(-1, 4).float()
            / FINE
        )
    )


@settings(max_examples=40, deadline=None)
@given(boxes=quarter_boxes())
def test_covered_share_is_exact(boxes):
    fine = torch.zeros(16 * FINE, 24 * FINE)
    for x1, y1, x2, y2 in (boxes * FINE).clamp(min=0).long().tolist():
        fine[y1:y2, x1:x2] = 1
    expected = fine.view(2, 8 * FINE, 3, 8 * FINE).mean((1, 3))
    torch.testing.assert_close(covered_share(boxes, (16, 24), 8), expected, rtol=0, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(boxes=quarter_boxes())
def test_the_share_that_each_box_covers_is_exact(boxes):
    shares = box_shares(boxes, (5, 6))
    assert shares.shape == (len(boxes), 5, 6)
    for box, share in zip(boxes, shares, strict=True):
        expected = covered_share(box[None], (5, 6), 1)
        torch.testing.assert_close(share, expected, rtol=0, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(boxes=quarter_boxes())
def test_touched_means_shared_area(boxes):
    found = touched(boxes, (2, 3), 8)
    for box, tokens in zip(boxes, found, strict=True):
        if (box[2:] > box[:2]).all():
            assert torch.equal(tokens, covered_share(box[None], (16, 24), 8) > 0)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([0, 0, 8, 8], [[True, False], [False, False]]),  # a common edge is no common area
        ([0, 0, 8.1, 8], [[True, True], [False, False]]),
        ([7, 7, 9, 9], [[True, True], [True, True]]),
        ([-5, -5, 0, 0], [[False, False], [False, False]]),
    ],
)
def test_convention_edges_lie_on_pixel_corners(box, expected):
    assert touched(torch.tensor([box], dtype=torch.float32), (2, 2), 8)[0].tolist() == expected


@pytest.mark.parametrize(
    ("box", "grow", "expected"),
    [
        ([1, 1, 2, 3], 0, [[0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]]),
        ([1.5, 1, 2, 1.5], 0, [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]),
        ([1, 1, 2, 2], 1, [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0]]),
        ([9, 9, 12, 12], 0, [[0] * 4] * 3),
        ([-3, -3, -1, -1], 0, [[0] * 4] * 3),
    ],
)
def test_raster(box, grow, expected):
    assert raster(torch.tensor([box], dtype=torch.float32), (3, 4), grow).tolist() == expected


def test_centres_near_includes_the_squares_border():
    boxes = torch.tensor(
        [[18.0, 2, 22, 6], [19.0, 2, 23, 6]]
    )  # centres at x = 20 and 21, the token's centre at 4
    assert centres_near(boxes, (1, 1), 8, 32).tolist() == [[1]]
    assert centres_near(boxes, (1, 1), 8, 34).tolist() == [[2]]


def test_no_boxes():
    assert covered_share(EMPTY, (8, 16), 8).tolist() == [[0, 0]]
    assert touched(EMPTY, (1, 2), 8).shape == (0, 1, 2)
    assert centres_near(EMPTY, (1, 2), 8, 32).tolist() == [[0, 0]]
    assert raster(EMPTY, (2, 2)).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    "call",
    [
        lambda b: covered_share(b, (8, 8), 8),
        lambda b: touched(b, (1, 1), 8),
        lambda b: centres_near(b, (1, 1), 8, 32),
        lambda b: raster(b, (8, 8)),
    ],
)
def test_foreign_shapes_are_refused(call):
    with pytest.raises(ValueError, match=r"must have shape \(N, 4\), got \(2, 5\)"):
        call(torch.zeros(2, 5))
