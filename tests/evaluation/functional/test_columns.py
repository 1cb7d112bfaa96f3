"""Boxes of all images side by side: classes, order of scores, ranks, caps."""

from dataclasses import replace

import numpy as np
import pytest

from mmisr.evaluation.functional.columns import detections_of, truths_of

BOX = [0, 0, 4, 4]


@pytest.fixture
def records(record_of):
    """Three images; the second has no detection, the third no annotation."""
    scores = [0.2, 0.9, 0.2, 0.5]
    first = record_of(1, [BOX] * 3, [BOX] * 4, [1, 0, 1], det_labels=[1, 0, 1, 1], scores=scores)
    second = record_of(2, [BOX], (), [0])
    third = record_of(3, (), [BOX] * 2, det_labels=[1, 0], scores=[0.7, 0.8])
    return [first, second, third]


def rows(columns, *names):
    return list(zip(*(getattr(columns, name).tolist() for name in names), strict=True))


def test_annotations_stand_by_class_and_image(records):
    truths = truths_of(records)
    assert rows(truths, "label", "image", "place") == [(0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 0, 2)]
    assert rows(truths.of_class(0), "image", "place") == [(0, 1), (1, 0)]
    assert rows(truths.of_class(7), "image", "place") == []


@pytest.mark.parametrize(
    ("max_dets", "is_cap_of_image", "expected"),
    [
        # Best first within a class of an image; equal scores stay in the order of the record.
        (9, False, [(0, 3, 0), (0, 0, 1), (0, 2, 2), (2, 0, 0)]),
        (2, False, [(0, 3, 0), (0, 0, 1), (2, 0, 0)]),
        # Ranked among all detections of the image: the other class has the best ones.
        (9, True, [(0, 3, 1), (0, 0, 2), (0, 2, 3), (2, 0, 1)]),
        (2, True, [(0, 3, 1), (2, 0, 1)]),
        (1, True, []),
    ],
)
def test_detections_have_ranks_under_the_cap(records, max_dets, is_cap_of_image, expected):
    found = detections_of(records, max_dets, is_cap_of_image).of_class(1)
    assert rows(found, "image", "place", "rank") == expected


def test_there_may_be_no_image():
    for columns in (truths_of([]), detections_of([], 100, False)):
        assert columns.label.dtype == columns.place.dtype == np.int64
        assert len(columns.of_class(0).image) == 0


def test_an_empty_image_of_no_certain_type_changes_no_other(records):
    records[2] = replace(records[2], gt_ignore=np.zeros(0), gt_labels=np.zeros(0))
    truths = truths_of(records)
    assert truths.ignore.dtype == bool
    assert truths.label.dtype == np.int64
