"""What an annotation says of itself, as one number."""

import pytest

from mmisr.structures.marks import Mark, marks_of, subset_names


@pytest.mark.parametrize(
    ("annotation", "marks"),
    [
        ({}, Mark(0)),
        ({"iscrowd": 0, "ignore": 0, "subsets": []}, Mark(0)),
        ({"ignore": 1}, Mark.IGNORE),
        ({"iscrowd": 1, "ignored_region": 1}, Mark.CROWD | Mark.REGION),
        ({"uncertain": 1}, Mark.UNCERTAIN),
        ({"difficult": True}, Mark.DIFFICULT),
        ({"subsets": ["easy", "medium", "hard"]}, Mark.EASY | Mark.MEDIUM | Mark.HARD),
    ],
)
def test_marks_of(annotation, marks):
    assert marks_of(annotation) == marks


def test_marks_can_be_told_apart():
    assert len({int(mark) for mark in Mark}) == 8
    assert sum(Mark) == 255


@pytest.mark.parametrize("value", ["hard", ["expert"], {"hard": 1}, 3])
def test_no_list_of_subsets(value):
    with pytest.raises(ValueError, match="no list of subsets"):
        subset_names(value)
