"""The label table of the specification, row by row."""

import pytest
import torch

from mmisr.editors.instance_sr.labels import EASY, HARD, MODERATE, LabelRule, box_targets

E, M, H = EASY, MODERATE, HARD
HW = (32, 48)


def label(boxes, rule=None, hw=HW, token=8):
    return (rule or LabelRule())(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), hw, token)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([], [[E] * 6] * 4),
        # A large instance: every token that it touches is moderate.
        ([[0, 0, 16, 16]], [[M, M, E, E, E, E], [M, M, E, E, E, E], [E] * 6, [E] * 6]),
        # Its shortest side decides: 7.9 px is small, 8 px is not.
        ([[0, 0, 24, 7.9]], [[H, H, H, E, E, E], [E] * 6, [E] * 6, [E] * 6]),
        ([[0, 0, 24, 8]], [[M, M, M, E, E, E], [E] * 6, [E] * 6, [E] * 6]),
        # A small instance on a corner makes all the tokens hard that it covers enough of.
        ([[14, 14, 18, 18]], [[E] * 6, [E, H, H, E, E, E], [E, H, H, E, E, E], [E] * 6]),
        # A sliver of less than 2 % is easy, whatever touches it: 0.15 x 8 of 64 px is 1.9 %, 0.17 x
        # 8 is 2.1 %.
        ([[0, 0, 16.15, 16]], [[M, M, E, E, E, E], [M, M, E, E, E, E], [E] * 6, [E] * 6]),
        ([[0, 0, 16.17, 16]], [[M, M, M, E, E, E], [M, M, M, E, E, E], [E] * 6, [E] * 6]),
        # Small and large together: hard wins where the small one touches.
        (
            [[0, 0, 16, 16], [1, 1, 5, 5]],
            [[H, M, E, E, E, E], [M, M, E, E, E, E], [E] * 6, [E] * 6],
        ),
        # Boxes outside the image and without area change nothing.
        ([[-20, -20, -4, -4], [60, 0, 70, 9], [5, 5, 5, 9]], [[E] * 6] * 4),
    ],
)
def test_table(boxes, expected):
    assert label(boxes).tolist() == expected


def test_three_centres_within_32_px_make_a_crowd():
    """Three large boxes on each other.

    Hard where the centres are near, moderate where they are not.
    """
    boxes = [[0, 0, 80, 16], [0, 0, 82, 16], [0, 0, 84, 16]]  # centres at x = 40, 41 and 42, y = 8
    found = label(boxes, hw=(16, 96))
    # Token centres at 4, 12, ...: the first is more than 16 px from the centres, as are those from
    # 60 on.
    assert found.tolist() == [[M, M, M, H, H, H, H, M, M, M, M, E]] * 2
    assert label(boxes[:2], hw=(16, 96)).tolist() == [[M] * 11 + [E]] * 2
    assert label(boxes, LabelRule(crowd=4), hw=(16, 96)).tolist() == [[M] * 11 + [E]] * 2


def test_a_crowd_needs_cover():
    """Near a crowd, but not covered: easy."""
    assert label([[0, 0, 9, 9], [9, 0, 18, 9], [0, 9, 9, 18]], hw=(32, 32))[3].tolist() == [E] * 4


@pytest.mark.parametrize("token", [8, 16, 32])
def test_token_sizes(token):
    found = label([[0, 0, 12, 12]], hw=(64, 64), token=token)
    assert found.shape == (64 // token, 64 // token)
    assert found[0, 0] == M


def test_thresholds_are_config():
    assert label([[0, 0, 16, 16]], LabelRule(small_side=17))[0, 0] == H
    assert label([[0, 0, 16.17, 16]], LabelRule(easy_cover=0.03))[0, 2] == E
    with pytest.raises(ValueError, match="easy_cover <= 1.*got LabelRule.easy_cover=2"):
        LabelRule(easy_cover=2)


def test_box_targets_point_to_the_nearest_centre():
    boxes = torch.tensor([[0.0, 0, 16, 8], [32, 16, 48, 32]])  # centres (8, 4) and (40, 24)
    targets = box_targets(boxes, (4, 6), 8)
    assert targets[:, 0, 0].tolist() == [0.5, 0.0, 2.0, 1.0]
    assert targets[:, 3, 5].tolist() == [-0.5, -0.5, 2.0, 2.0]
    # From the prediction the box can be had back.
    mid = torch.tensor([5.5, 3.5])
    centre = (mid + targets[:2, 3, 5]) * 8
    assert centre.tolist() == [40.0, 24.0]
    assert not box_targets(torch.zeros((0, 4)), (2, 2), 8).any()
