"""Types of errors: one per detection, by single cases and by what must hold in any scene."""

import numpy as np
import pytest

from mmisr.evaluation.functional.error_types import ERROR_TYPES, count_errors, error_types
from mmisr.evaluation.functional.image_matches import match_image
from mmisr.evaluation.size_bins import INFINITE, protocol_named

GT = [100, 100, 120, 120]
AT_60, AT_33, AT_10, AT_09 = (
    [105, 100, 125, 120],
    [110, 100, 130, 120],
    [100, 100, 104, 110],
    [100, 100, 104, 109],
)
"""IoU with GT, 20x20: 0.6, 1/3, exactly 0.1, 0.09."""

FAR = [300, 300, 320, 320]


def kinds_of(record, score=0.0):
    return sorted(ERROR_TYPES[k] for k in error_types(record, score, 100).kinds)


@pytest.mark.parametrize(
    ("det", "labels", "expected"),
    [
        ([], [], ["missed"]),
        ([GT], [0], []),
        ([AT_60], [0], []),
        ([AT_33], [0], ["localisation"]),
        ([AT_10], [0], ["localisation"]),
        ([AT_09], [0], ["background", "missed"]),
        ([GT], [1], ["classification"]),
        ([AT_60], [1], ["classification"]),
        ([AT_33], [1], ["both", "missed"]),
        ([AT_09], [1], ["background", "missed"]),
        ([FAR], [0], ["background", "missed"]),
        ([GT, AT_60], [0, 0], ["duplicate"]),
        ([GT, AT_33], [0, 0], ["localisation"]),
        ([GT, GT], [0, 1], ["classification"]),
        ([AT_33, GT], [0, 1], ["classification", "localisation"]),
    ],
)
def test_one_object(record_of, det, labels, expected):
    scores = np.linspace(0.9, 0.8, len(det))
    assert kinds_of(record_of(1, [GT], det, det_labels=labels, scores=scores)) == expected


def test_no_object(record_of):
    assert kinds_of(record_of(1)) == []
    assert kinds_of(record_of(1, [], [GT, FAR], det_labels=[0, 1])) == ["background", "background"]


def test_wrong_place_comes_before_wrong_class(record_of):
    """TIDE's order: at a third of an object of its class, and exactly on one of another."""
    record = record_of(1, [GT, AT_33], [AT_33], gt_labels=[0, 1], det_labels=[0])
    assert kinds_of(record) == ["localisation", "missed"]


def test_regions_to_ignore_are_no_error(record_of):
    region = [90, 90, 200, 200]
    assert kinds_of(record_of(1, [region], [GT], ignore=[True])) == []
    assert kinds_of(record_of(1, [region], [FAR], ignore=[True])) == ["background"]


def test_detections_below_the_score_do_not_exist(record_of):
    record = record_of(1, [GT], [AT_33, FAR], scores=[0.4, 0.6])
    assert kinds_of(record, 0.5) == ["background", "missed"]
    assert kinds_of(record, 0.3) == ["background", "localisation"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("score", [0.0, 0.4])
def test_every_false_detection_has_one_type(scene_of, seed, score):
    for record in scene_of(seed, num_images=10):
        matches, errors = match_image(record, score, 100), error_types(record, score, 100)
        missed = errors.kinds == ERROR_TYPES.index("missed")
        assert (~missed).sum() == len(matches.false)
        assert missed.sum() <= matches.missed.sum()
        assert errors.areas.shape == errors.kinds.shape


def test_sizes_are_those_of_the_object_and_of_the_detection_on_background(record_of):
    """Areas in the frame of the bins: 1/16 of the boxes' own here, as at x4."""
    record = record_of(1, [GT, FAR], [AT_33, [400, 400, 440, 440]])
    in_lr = type(record)(
        **{**vars(record), "gt_areas": record.gt_areas / 16, "det_areas": record.det_areas / 16}
    )
    ranges = protocol_named("aitod").ranges()
    found = count_errors([in_lr], ranges, 0.0, 100)
    assert found["very_tiny"] == {**dict.fromkeys(ERROR_TYPES, 0), "localisation": 1, "missed": 1}
    assert found["tiny"] == {**dict.fromkeys(ERROR_TYPES, 0), "background": 1}
    assert found["all"] == {
        **dict.fromkeys(ERROR_TYPES, 0),
        "localisation": 1,
        "missed": 1,
        "background": 1,
    }
    assert not any(found["medium"].values())
    assert list(found) == list(ranges)


def test_an_area_on_an_edge_is_in_both_ranges(record_of):
    found = count_errors(
        [record_of(1, [[0, 0, 8, 8]])], {"a": (0, 64), "b": (64, INFINITE)}, 0.0, 100
    )
    assert found["a"]["missed"] == found["b"]["missed"] == 1


def test_no_images():
    assert count_errors([], {"all": (0, INFINITE)}, 0.0, 100) == {
        "all": dict.fromkeys(ERROR_TYPES, 0)
    }


def test_what_is_missed_is_so_by_the_protocols_cap(record_of):
    """VisDrone caps the detections of an image, COCO those of a class in it."""
    boxes = [[10, 10, 30, 30], [60, 60, 80, 80]]
    record = record_of(1, boxes, boxes, [0, 1], [0, 1], scores=[0.9, 0.8])
    assert error_types(record, 0.0, 1).kinds.tolist() == []
    of_visdrone = error_types(record, 0.0, 1, protocol_named("visdrone"))
    assert [ERROR_TYPES[kind] for kind in of_visdrone.kinds] == ["missed"]
    everywhere = {"all": (0.0, INFINITE)}
    counts = count_errors([record], everywhere, 0.0, 1, protocol_named("visdrone"))
    assert counts["all"]["missed"] == 1
