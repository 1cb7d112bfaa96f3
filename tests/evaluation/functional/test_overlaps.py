"""Overlaps as tables whose first row is empty; test_matching holds COCO's to its code."""

import numpy as np
import pytest

from mmisr.evaluation.functional.overlaps import box_ious, inside, own_shares, pixel_ious


@pytest.mark.parametrize(
    ("det", "gt", "iou", "share", "pixels"),
    [
        (np.zeros((0, 4)), [[0, 0, 1, 1]], np.zeros((0, 1)), np.zeros((0, 1)), np.zeros((0, 1))),
        ([[0, 0, 1, 1]], np.zeros((0, 4)), np.zeros((1, 0)), np.zeros((1, 0)), np.zeros((1, 0))),
        ([[0, 0, 9, 9]], [[0, 0, 9, 9]], [[1]], [[1]], [[1]]),
        ([[0, 0, 9, 9]], [[9, 0, 18, 9]], [[0]], [[0]], [[10 / 190]]),
        ([[0, 0, 9, 9]], [[10, 0, 19, 9]], [[0]], [[0]], [[0]]),
        ([[0, 0, 4, 4]], [[2, 0, 12, 4]], [[8 / 48]], [[0.5]], [[15 / 65]]),
    ],
)
def test_overlaps(det, gt, iou, share, pixels):
    det, gt = np.asarray(det, dtype=float), np.asarray(gt, dtype=float)
    np.testing.assert_allclose(box_ious(det, gt), iou)
    np.testing.assert_allclose(own_shares(det, gt), share)
    np.testing.assert_allclose(pixel_ious(det, gt), pixels)


def test_no_share_is_less_than_its_iou():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 20, (2, 40, 2))
    det, gt = np.concatenate([corner, corner + rng.uniform(1, 20, (2, 40, 2))], 2)
    assert (own_shares(det, gt) - box_ious(det, gt)).min() > -1e-12


def test_both_ends_belong_to_a_range():
    limits = np.array([[0.0, 4.0], [4.0, 9.0]])
    assert inside(np.zeros(0), limits).shape == (2, 0)
    assert inside(np.array([4.0, 9.5]), limits).tolist() == [[True, False], [True, False]]
