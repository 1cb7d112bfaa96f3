"""False positives that only one arm has."""

import numpy as np
import pytest

from mmisr.evaluation.functional.new_detections import new_false_positives

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


def test_nothing_found(record_of):
    assert new_false_positives(record_of(1, TRUTH), record_of(1)).tolist() == []
    assert new_false_positives(record_of(1, (), FOUND), record_of(1)).dtype == np.bool_
