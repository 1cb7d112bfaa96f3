"""From a curve to AP: closed forms of every rule."""

import numpy as np
import pytest

from mmisr.evaluation.functional.curves import VOC07_RECALLS, mean_precision

PERFECT = ([[1, 2, 3, 4]], [[1, 2, 3, 4]])


def average(curve, hits, total, positives):
    rule = mean_precision(curve, np.array([positives], dtype=np.int32))
    return rule(np.array(hits, dtype=np.int32), np.array(total, dtype=np.int32)).tolist()


@pytest.mark.parametrize(
    ("hits", "total", "positives", "expected"),
    [
        ([[]], [[]], 4, {"101": 0, "11": 0, "area": 0, "sampled": 0}),
        (*PERFECT, 4, {"101": 1, "11": 1, "area": 1, "sampled": 1}),
        (*PERFECT, 8, {"101": 51 / 101, "11": 6 / 11, "area": 0.5, "sampled": 0.5}),
        ([[1, 2]], [[2, 4]], 2, {"101": 0.5, "11": 0.5, "area": 0.5}),
        ([[1, 2]], [[4, 4]], 2, {"101": 0.5, "11": 0.5, "area": 0.5}),
        ([[0, 0, 1, 1]], [[0, 1, 2, 9]], 1, {"sampled": 0.5}),
    ],
)
def test_closed_forms(hits, total, positives, expected):
    for curve, value in expected.items():
        assert average(curve, hits, total, positives) == pytest.approx([value]), curve


def test_convention_three_tenths_of_matlab_are_more_than_0_3():
    """So three of ten found reach the levels 0, 0.1 and 0.2 alone; six of ten reach 0.6."""
    assert VOC07_RECALLS[3] > 0.3
    assert VOC07_RECALLS[6:8].tolist() == [0.6, 0.7]
    assert average("11", [[1, 2, 3]], [[1, 2, 3]], 10) == pytest.approx([3 / 11])
    six = [[1, 2, 3, 4, 5, 6]]
    assert average("11", six, six, 10) == pytest.approx([7 / 11])
