"""What protocols leave out, as tables whose first row is empty."""

import dataclasses

import numpy as np
import pytest

from mmisr.evaluation.functional.ignore_rules import (
    all_counted,
    check_subsets,
    counted,
    has_mark,
    labels_named,
    share_inside,
    toolkit_boxes,
    toolkit_regions,
)
from mmisr.evaluation.size_bins import PROTOCOLS, protocol_named
from mmisr.structures.marks import Mark


def boxes(*rows):
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


@pytest.mark.parametrize(
    ("xyxy", "regions", "shares"),
    [
        (boxes(), boxes([0, 0, 9, 9]), []),
        (boxes([0, 0, 4, 4]), boxes(), [0]),
        (boxes([0, 0, 4, 4], [20, 20, 30, 30]), boxes([0, 0, 2, 9]), [0.5, 0]),
        (boxes([0, 0, 4, 4]), boxes([0, 0, 4, 4], [0, 0, 4, 4]), [1]),
        (boxes([0, 0, 4, 4]), boxes([0, 0, 2, 2], [1, 1, 3, 3]), [7 / 16]),
        (boxes([0, 0, 9, 2]), boxes([6, 0, 7, 9], [0, 0, 1, 9], [3, 0, 4, 9]), [3 / 9]),
        (boxes([3, 3, 3, 9]), boxes([0, 0, 9, 9]), [0]),
    ],
)
def test_share_inside(xyxy, regions, shares):
    assert share_inside(xyxy, regions).tolist() == pytest.approx(shares)


def test_share_inside_any_number_of_regions_is_that_of_painted_pixels():
    rng = np.random.default_rng(0)
    for _ in range(50):
        corner = rng.integers(0, 20, (6, 2))
        regions = np.concatenate([corner, corner + rng.integers(1, 12, (6, 2))], 1)
        painted = np.zeros((40, 40))
        for x1, y1, x2, y2 in regions:
            painted[y1:y2, x1:x2] = 1
        corner = rng.integers(0, 20, 2)
        x1, y1, x2, y2 = box = np.concatenate([corner, corner + rng.integers(1, 15, 2)])
        share = share_inside(box[None].astype(float), regions.astype(float))
        assert share.tolist() == pytest.approx([painted[y1:y2, x1:x2].mean()])


@pytest.mark.parametrize(
    ("xyxy", "looked_up", "painted"),
    [
        (boxes(), [], []),
        (boxes([5, 6, 15, 26]), [[5, 6, 15, 26]], [[4, 5, 15, 26]]),
        (boxes([0, 0, 10, 10]), [[1, 1, 11, 11]], [[0, 0, 11, 11]]),
        (boxes([2.5, 3.4, 5.0, 3.6]), [[3, 3, 6, 4]], [[2, 2, 6, 4]]),
    ],
)
def test_convention_the_toolkit_looks_up_whole_pixels(xyxy, looked_up, painted):
    assert toolkit_boxes(xyxy).tolist() == looked_up
    assert toolkit_regions(xyxy).tolist() == painted


@pytest.mark.parametrize(
    ("marks", "mark", "flags"),
    [
        ([], Mark.REGION, []),
        ([0, 4, 6, 8], Mark.REGION, [False, True, True, False]),
        ([1, 8, 16], Mark.UNCERTAIN | Mark.DIFFICULT, [False, True, True]),
        ([1, 8], Mark(0), [False, False]),
    ],
)
def test_has_mark(marks, mark, flags):
    assert has_mark(np.array(marks, dtype=int), mark).tolist() == flags


def test_labels_named():
    assert labels_named((), ("others",)) == []
    assert labels_named(("car", "others"), ("others",)) == [1]


def image(record_of, *marks):
    """Annotations 100 pixels apart, with a detection on each."""
    at = [[100 * i, 0, 100 * i + 10, 10] for i in range(len(marks))]
    ignore = [bool(mark & (Mark.IGNORE | Mark.CROWD)) for mark in marks]
    record = record_of(1, at, at, ignore=ignore)
    return dataclasses.replace(record, gt_marks=np.array(marks, dtype=int))


@pytest.mark.parametrize(
    ("name", "marks", "ignore"),
    [
        ("visdrone", [], []),
        ("coco", [0, 1, 2, 8, 16], [False, True, True, False, False]),
        ("sodad", [0, 1, 8, 16], [False, True, False, False]),
        ("tinyperson", [0, 1, 2, 8, 16], [False, True, True, True, False]),
        ("voc", [0, 1, 8, 16], [False, True, False, True]),
        ("voc07", [0, 16], [False, True]),
        ("wider", [0, 128, 224, 225], [True, False, False, True]),
        ("visdrone", [0, 1, 8, 16], [False, True, False, False]),
    ],
)
def test_who_is_ignored(record_of, name, marks, ignore):
    before = image(record_of, *marks)
    after = counted(before, protocol_named(name))
    assert after.record.gt_ignore.tolist() == ignore
    assert after.annotations.tolist() == list(range(len(marks)))
    assert len(after.record.det_labels) == len(marks)


def test_regions_take_annotations_and_detections_of_every_class_with_them(record_of):
    region = int(Mark.REGION | Mark.CROWD)
    record = image(record_of, 0, region, 0)
    inside, half = [[102, 2, 106, 6]], [[105, 0, 115, 10], [106, 0, 116, 10]]
    record = dataclasses.replace(
        record,
        gt_xyxy=np.concatenate([record.gt_xyxy, inside]),
        gt_labels=np.array([0, 0, 2, 1]),
        gt_areas=np.append(record.gt_areas, 16.0),
        gt_ignore=np.append(record.gt_ignore, False),
        gt_marks=np.append(record.gt_marks, 0),
        det_xyxy=np.array([*inside, *half, [200, 0, 210, 10]], dtype=float),
        det_labels=np.array([0, 1, 2, 0]),
        det_scores=np.array([0.9, 0.8, 0.7, 0.6]),
        det_areas=np.array([16.0, 100.0, 100.0, 100.0]),
    )
    after = counted(record, protocol_named("visdrone"), ("car", "van", "others"))
    assert after.annotations.tolist() == [0]  # the last but one is of the class "others"
    assert after.record.det_scores.tolist() == [0.7, 0.6]
    assert len(record.gt_labels) == 4


@pytest.mark.parametrize("name", ["coco", "aitod"])
def test_cocos_own_rules_change_nothing(record_of, name):
    record = image(record_of, 0, 1, 6, 8)
    (same,) = all_counted([record], protocol_named(name))
    assert same is record


def test_subsets_must_be_there(record_of):
    for name in PROTOCOLS:
        check_subsets([], protocol_named(name))
    check_subsets([image(record_of, 0), image(record_of, 32)], protocol_named("wider"))
    with pytest.raises(ValueError, match=r"none of 2 annotations is in one: .*subsets=\[\.\.\.\]"):
        check_subsets([image(record_of, 0, 8)], protocol_named("wider"))
