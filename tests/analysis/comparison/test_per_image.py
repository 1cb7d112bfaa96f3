"""Gains and losses image by image: F1, at a score of each arm's own."""

import dataclasses

import numpy as np
import pytest

from mmisr.analysis.comparison.per_image import (
    ImageCounts,
    ImageGain,
    count_images,
    extremes,
    image_gains,
)

SAME = {"a": 0.0, "b": 0.0}


@pytest.mark.parametrize(
    ("annotated", "true", "false", "f1"),
    [
        (0, 0, 0, None),
        (0, 0, 3, None),
        (4, 0, 0, 0.0),
        (4, 4, 0, 1.0),
        (4, 2, 2, 0.5),
        (3, 1, 5, 2 / 9),
    ],
)
def test_f1(annotated, true, false, f1):
    counts = ImageCounts(annotated, true, false)
    assert counts.f1 == (f1 if f1 is None else pytest.approx(f1))


def test_counts_are_those_of_the_scene(records_of):
    """Every scene has five objects and three detections of nothing."""
    found = count_images(records_of(skill=1.0), 0.0, 100)
    assert {(c.annotated, c.true, c.false) for c in found} == {(5, 5, 3)}
    assert {(c.annotated, c.true) for c in count_images(records_of(skill=0.0), 0.0, 100)} == {
        (5, 0)
    }


def test_what_is_found_more_is_a_gain(records_of):
    good, poor = records_of(skill=0.9), records_of(skill=0.2)
    up = [g.gain for g in image_gains(good, poor, SAME, 100)]
    down = [g.gain for g in image_gains(poor, good, SAME, 100)]
    assert sum(up) > 0
    np.testing.assert_allclose(up, [-v for v in down])
    assert {g.gain for g in image_gains(good, good, SAME, 100)} == {0}


def test_each_arm_has_its_own_score(records_of):
    """The same boxes with half the scores are the same arm, where its score is half as well."""
    records = records_of()
    shy = [dataclasses.replace(r, det_scores=r.det_scores / 2) for r in records]
    assert {g.gain for g in image_gains(records, shy, {"a": 0.5, "b": 0.25}, 100)} == {0}
    assert any(g.gain for g in image_gains(records, shy, {"a": 0.5, "b": 0.5}, 100))


def test_other_images_are_refused(records_of, shuffled):
    records = records_of()
    with pytest.raises(
        ValueError, match="compares the same images in the same order, got 12 and 12 with other ids"
    ):
        image_gains(records, shuffled(records), SAME, 100)
    with pytest.raises(ValueError, match="got 12 and 11"):
        image_gains(records, records[:-1], SAME, 100)


def gain(index, value):
    """An image that gains so many hundredths."""
    a, b = (ImageCounts(100, 50 + max(0, v), 50 - max(0, v)) for v in (value, -value))
    return ImageGain(index, a, b)


def test_extremes_hold_what_changed_and_no_more():
    nothing = ImageGain(9, ImageCounts(0, 0, 0), ImageCounts(0, 0, 1))
    gains = [*(gain(i, v) for i, v in enumerate([0, 3, -1, 7, 3, -8, 0])), nothing]
    best, worst = extremes(gains, 2)
    assert [g.index for g in best] == [3, 1]
    assert [g.index for g in worst] == [5, 2]
    assert nothing.gain is None
    assert extremes([gain(0, 0), nothing], 5) == ([], [])
    assert [len(part) for part in extremes(gains, 20)] == [3, 2]
