"""Curves whose area is AP, and the score where F1 is best, against a plain loop."""

import numpy as np
import pytest

from mmisr.evaluation.functional.image_matches import match_image
from mmisr.evaluation.functional.matching import match_classes
from mmisr.evaluation.functional.precision_recall import best_score, precision_curve
from mmisr.evaluation.functional.size_binned_ap import IOU_50, IOU_75, size_binned_ap
from mmisr.evaluation.size_bins import INFINITE

WHOLE = {"all": (0.0, INFINITE)}
BOX = [10, 10, 30, 30]


def matched(records, num_classes=3):
    return match_classes(records, num_classes, WHOLE, 100)


@pytest.mark.parametrize("seed", range(6))
def test_the_area_is_ap(scene_of, seed):
    """AP by another implementation, faster-coco-eval's."""
    records = scene_of(seed)
    figures = size_binned_ap(records, 3, WHOLE, 100)["all"]
    assert precision_curve(matched(records), IOU_50).mean() == pytest.approx(figures.ap50, abs=1e-9)
    assert precision_curve(matched(records), IOU_75).mean() == pytest.approx(figures.ap75, abs=1e-9)


def test_a_curve_falls_and_ends_where_recall_ends(record_of):
    record = record_of(1, [BOX, [50, 50, 70, 70]], [BOX, [100, 100, 110, 110]], scores=[0.9, 0.8])
    curve = precision_curve(matched([record], 1))
    assert curve.shape == (101,)
    assert curve[:51].tolist() == [1.0] * 51
    assert curve[51:].tolist() == [0.0] * 50
    assert np.isnan(precision_curve(matched([record_of(1, [], [BOX])], 1))).all()


@pytest.mark.parametrize("seed", range(6))
def test_no_score_has_a_better_f1(scene_of, seed):
    records = scene_of(seed, num_images=9)

    def f1(score):
        found = [match_image(r, score, 100) for r in records]
        true, false = (sum(len(getattr(m, kind)) for m in found) for kind in ("true", "false"))
        missed = sum(int(m.missed.sum()) for m in found)
        return 2 * true / (2 * true + false + missed)

    best = best_score(matched(records))
    assert f1(best) == pytest.approx(max(f1(s / 100) for s in range(101)))


def test_no_true_positive_no_score(record_of):
    assert best_score(matched([record_of(1, [BOX], [[50, 50, 60, 60]])], 1)) is None
    assert best_score(matched([record_of(1)], 1)) is None


def test_the_best_detection_itself_counts_from_its_score_on(record_of):
    record = record_of(1, [BOX], [BOX, [50, 50, 60, 60]], scores=[0.678, 0.1])
    score = best_score(matched([record], 1))
    assert score == 0.67
    assert len(match_image(record, score, 100).true) == 1
