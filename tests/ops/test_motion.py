"""Notes on what a transform did to coordinates."""

import numpy as np
import pytest

from mmisr.ops.motion import (
    HOMOGRAPHY,
    FrameError,
    check_partner,
    is_moved,
    note_motion,
    note_partner,
)

SHIFT = np.array([[1.0, 0.0, -3.0], [0.0, 1.0, -5.0], [0.0, 0.0, 1.0]])
DOUBLE = np.diag([2.0, 2.0, 1.0])


def test_motions_follow_one_another():
    results = {}
    note_motion(results, SHIFT)
    note_motion(results, DOUBLE)
    assert (results[HOMOGRAPHY] @ [10, 10, 1]).tolist() == [14, 10, 1]
    assert results[HOMOGRAPHY].dtype == np.float32


@pytest.mark.parametrize(
    ("data", "moved"),
    [
        ({}, False),
        ({HOMOGRAPHY: np.eye(3)}, False),
        ({"flip": False}, False),
        ({"flip": True}, True),
        ({HOMOGRAPHY: SHIFT}, True),
    ],
)
def test_what_counts_as_moved(data, moved):
    assert is_moved(data) is moved


def test_a_partner_left_behind_is_an_error():
    results = {"img": np.zeros((4, 6, 3), np.uint8)}
    check_partner(results, "no LR image yet")
    note_partner(results)
    check_partner(results, "the same image")
    results["img"] = results["img"].copy()
    check_partner(results, "an equal image")
    results["img"] = np.zeros((2, 3, 3), np.uint8)
    with pytest.raises(FrameError, match="Crop changed the HR image .6x4 before, 3x2 after"):
        check_partner(results, "Crop")
    results["img"] = np.ones((4, 6, 3), np.uint8)
    with pytest.raises(FrameError, match="put it before mmisr.SimulateLR"):
        check_partner(results, "Flip")
