"""False positives that only one arm has."""

import dataclasses

import numpy as np
import pytest

from mmisr.evaluation.functional.coco_records import by_masks
from mmisr.evaluation.functional.mask_records import ImageMasks, encoded
from mmisr.evaluation.functional.new_detections import changes, new_false_positives

TRUTH = [[0, 0, 10, 10]]
FOUND = [[50, 50, 60, 60]]


def test_one_that_nobody_else_sees_is_new(record_of):
    assert new_false_positives(record_of(1, TRUTH, FOUND), record_of(1, TRUTH)).tolist() == [True]


@pytest.mark.parametrize(
    ("sr", "bicubic"),
    [
        ({"scores": [0.29]}, {}),  # not sure enough
        ({"det": [[2, 2, 12, 12]]}, {}),  # touches an annotation
        ({"det": [[2, 2, 12, 12]], "det_labels": [1]}, {}),  # of any class
        ({}, {"det": [[55, 50, 65, 60]], "scores": [0.3]}),  # bicubic has it too, somewhere near
        ({}, {"det": FOUND, "det_labels": [1]}),  # under whatever name
    ],
)
def test_one_that_is_no_news(record_of, sr, bicubic):
    arm = record_of(1, TRUTH, **{"det": FOUND, **sr})
    assert new_false_positives(arm, record_of(1, TRUTH, **bicubic)).tolist() == [False]


def test_a_guess_of_the_baseline_is_not_having_it(record_of):
    guess = record_of(1, TRUTH, FOUND, scores=[0.2])
    assert new_false_positives(record_of(1, TRUTH, FOUND), guess).tolist() == [True]


def test_regions_to_ignore_are_annotations(record_of):
    arm = record_of(1, FOUND, FOUND, ignore=[True])
    assert not new_false_positives(arm, record_of(1)).any()


def test_a_region_to_ignore_shields_what_is_small_in_it(record_of):
    region = [[0, 0, 200, 200]]
    small = [[95, 95, 105, 105], [195, 195, 205, 205], [199, 199, 209, 209]]
    arm = record_of(1, region, small, ignore=[True])
    assert new_false_positives(arm, record_of(1)).tolist() == [False, False, True]
    # An object that counts shields what looks like it alone.
    counted = record_of(1, region, small)
    assert new_false_positives(counted, record_of(1)).tolist() == [True] * 3


def test_detections_beyond_the_cap_are_neither_new_nor_gone(record_of):
    two = [[50, 50, 60, 60], [70, 70, 80, 80]]
    arm = record_of(1, TRUTH, two, scores=[0.6, 0.9])
    found = changes(arm, record_of(1, TRUTH), (0.5, 0.5), 1)
    assert found.new.tolist() == [1]
    swapped = changes(record_of(1, TRUTH), arm, (0.5, 0.5), 1)
    assert swapped.gone.tolist() == [1]


def test_nothing_found(record_of):
    assert new_false_positives(record_of(1, TRUTH), record_of(1)).tolist() == []
    assert new_false_positives(record_of(1, (), FOUND), record_of(1)).dtype == np.bool_


def test_what_is_found_lost_new_and_gone(record_of):
    """Each once, told from what both have; scores are each arm's own."""
    truths = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]
    both, here, there = truths
    made_up, mended = [0, 50, 10, 60], [50, 50, 60, 60]
    unsure = [80, 80, 90, 90]
    sr = record_of(1, truths, [both, here, made_up, unsure], scores=[0.9, 0.6, 0.7, 0.3])
    bicubic = record_of(1, truths, [both, there, mended, unsure], scores=[0.9, 0.4, 0.5, 0.1])
    found = changes(sr, bicubic, (0.5, 0.2), 100)
    assert found.found.tolist() == [1]
    assert found.lost.tolist() == [2]
    assert found.new.tolist() == [2]
    assert found.gone.tolist() == [2]
    swapped = changes(bicubic, sr, (0.2, 0.5), 100)
    assert (swapped.found.tolist(), swapped.new.tolist()) == ([2], [2])
    # From one score on for both, the baseline knew nothing of the second truth nor the third.
    alike = changes(sr, bicubic, (0.5, 0.5), 100)
    assert (alike.found.tolist(), alike.lost.tolist()) == ([1], [])


def triangles(*halves):
    """Run lengths of halves of the square from (0, 0) to (10, 10) that a diagonal cuts."""
    row, column = np.indices((20, 20))
    in_square = (row < 10) & (column < 10)
    lower, upper = in_square & (row > column + 1), in_square & (row < column - 1)
    return encoded(np.array([{"lower": lower, "upper": upper}[half] for half in halves]))


def masked(record, gt=(), det=()):
    masks = ImageMasks((20, 20), triangles(*gt) if gt else (), triangles(*det) if det else ())
    return dataclasses.replace(record, masks=masks)


@pytest.mark.parametrize(
    ("annotated", "ignore", "known", "is_new"),
    [
        ("upper", False, (), True),  # its box is the object's, its mask is not
        ("lower", False, (), False),
        ("upper", True, (), True),
        ("lower", True, (), False),
        ("upper", False, ("upper",), True),  # what bicubic has is elsewhere too
        ("upper", False, ("upper", "lower"), False),
    ],
)
def test_masks_touch_where_they_are_judged(record_of, annotated, ignore, known, is_new):
    square = [0, 0, 10, 10]
    arm = record_of(1, [square], [square], ignore=[ignore])
    arm = masked(arm, gt=[annotated], det=["lower"])
    bicubic = record_of(1, [square], [square] * len(known), det_labels=[1] * len(known))
    bicubic = masked(bicubic, gt=[annotated], det=known)
    assert new_false_positives(arm, bicubic).tolist() == [False]
    assert new_false_positives(by_masks(arm), bicubic).tolist() == [is_new]
    found = changes(by_masks(arm), by_masks(bicubic), (0.3, 0.3), 100)
    assert found.new.tolist() == [0] * is_new
    swapped = changes(by_masks(bicubic), by_masks(arm), (0.3, 0.3), 100)
    assert swapped.gone.tolist() == [0] * is_new


def test_a_guess_of_the_baseline_has_no_mask_that_counts(record_of):
    square = [0, 0, 10, 10]
    arm = masked(record_of(1, (), [square]), det=["lower"])
    bicubic = record_of(1, (), [square] * 2, scores=[0.2, 0.9])
    bicubic = masked(bicubic, det=["lower", "upper"])
    assert new_false_positives(by_masks(arm), bicubic).tolist() == [True]
    assert new_false_positives(by_masks(arm), bicubic, 0.3, 0.1).tolist() == [False]
