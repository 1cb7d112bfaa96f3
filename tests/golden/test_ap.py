"""AP and AR against pycocotools' recorded summary and against counts made by hand."""

from dataclasses import astuple

import numpy as np
import pytest

from mmisr.evaluation.functional.coco_records import ImageRecord
from mmisr.evaluation.functional.size_binned_ap import BinFigures, size_binned_ap
from mmisr.evaluation.size_bins import protocol_named

RANGES = protocol_named("coco").ranges()
SIZES = ("small", "medium", "large")


def column(rows: list[dict], key: str) -> np.ndarray:
    return np.array([row[key] for row in rows])


def corners(rows: list[dict]) -> np.ndarray:
    """COCO's x, y, width, height as two corners."""
    boxes = np.array([row["bbox"] for row in rows], dtype=float).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def record(image: int, truth: list[dict], detections: list[dict]) -> ImageRecord:
    """One image of a COCO file; categories count from 1, labels from 0."""
    truth = [row for row in truth if row["image_id"] == image]
    detections = [row for row in detections if row["image_id"] == image]
    return ImageRecord(
        img_id=image,
        gt_xyxy=corners(truth),
        gt_labels=column(truth, "category_id") - 1,
        gt_areas=column(truth, "area").astype(float),
        gt_ignore=column(truth, "iscrowd").astype(bool),
        det_xyxy=corners(detections),
        det_labels=column(detections, "category_id") - 1,
        det_scores=column(detections, "score"),
        det_areas=column(detections, "area").astype(float),
    )


def figures(truth: list, detections: list, max_dets: int = 100) -> dict[str, BinFigures]:
    """Of boxes of one class in one image: corners, and for detections the score."""

    def rows(boxes: list) -> list[dict]:
        return [
            {
                "image_id": 1,
                "category_id": 1,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1),
                "iscrowd": 0,
                "score": score[0] if score else 1.0,
            }
            for x1, y1, x2, y2, *score in boxes
        ]

    return size_binned_ap([record(1, rows(truth), rows(detections))], 1, RANGES, max_dets)


def test_pycocotools_summary(golden):
    recorded = golden("coco_scene")
    truth, detections = recorded["annotations"], recorded["detections"]
    records = [record(image, truth, detections) for image in (1, 2, 3)]
    ours = size_binned_ap(records, 2, RANGES, 100)
    whole = ours["all"]
    precision = [whole.ap, whole.ap50, whole.ap75, *(ours[size].ap for size in SIZES)]
    recall = [whole.ar, *(ours[size].ar for size in SIZES)]
    # Entries 6 and 7 are recalls at 1 and 10 detections.
    stats = recorded["stats"]
    np.testing.assert_allclose(precision, stats[:6], rtol=0, atol=1e-9)
    np.testing.assert_allclose(recall, stats[8:], rtol=0, atol=1e-9)
    capped = size_binned_ap(records, 2, RANGES, 1)
    assert capped["all"].ar == pytest.approx(stats[6], abs=1e-9)


THREE = [(0, 0, 20, 20), (100, 0, 150, 50), (200, 0, 320, 120)]


def test_every_figure_obeys_the_cap():
    """Three objects, three right detections: with a cap of 2 no figure may see the third.

    Recall ends at 2/3, so that 67 of the points 0, 0.01, ..., 1 have a precision of 1.
    """
    detections = [(*box, score) for box, score in zip(THREE, (0.9, 0.8, 0.7), strict=True)]
    capped = figures(THREE, detections, max_dets=2)
    assert capped["all"].ap == capped["all"].ap50 == capped["all"].ap75 == pytest.approx(67 / 101)
    assert capped["all"].ar == pytest.approx(2 / 3)
    assert [capped[name].ap for name in SIZES] == [1, 1, 0]
    assert figures(THREE, detections, max_dets=3)["all"].ap == 1


def test_a_false_one_first():
    """False, right, right on two objects: precision 1/2 at recall 1/2, then 2/3 at recall 1.

    COCO's precision never falls to the left, so that it is 2/3 at all 101 points.
    """
    false, one, two = (400, 400, 420, 420), *THREE[:2]
    found = figures([one, two], [(*false, 0.9), (*one, 0.8), (*two, 0.7)])["all"]
    assert (found.ap, found.ap50, found.ar) == pytest.approx((2 / 3, 2 / 3, 1))


def test_a_false_one_between():
    """Right, false, right: precision 1 up to recall 1/2 (51 points), 2/3 beyond (50 points)."""
    false, one, two = (400, 400, 420, 420), *THREE[:2]
    found = figures([one, two], [(*one, 0.9), (*false, 0.8), (*two, 0.7)])["all"]
    assert found.ap == pytest.approx((51 + 50 * 2 / 3) / 101)


@pytest.mark.parametrize(
    ("shift", "iou", "thresholds"),
    [
        (0, 1, 10),
        (2, 98 / 102, 10),
        (10, 90 / 110, 7),  # 0.818: right at 0.50 to 0.80
        (30, 70 / 130, 1),
        (50, 50 / 150, 0),
    ],
)
def test_a_shifted_box_is_right_at_some_thresholds(shift, iou, thresholds):
    """A box of 100x100, moved: AP is the share of the ten thresholds that the overlap reaches."""
    assert sum(iou >= 0.5 + 0.05 * step for step in range(10)) == thresholds
    found = figures([(0, 0, 100, 100)], [(shift, 0, 100 + shift, 100, 0.9)])["all"]
    assert found.ap == found.ar == pytest.approx(thresholds / 10)


def test_nothing_found_is_zero_and_nothing_there_is_no_number():
    missed = figures(THREE, [])["all"]
    assert (missed.ap, missed.ar, missed.count) == (0, 0, 3)
    assert np.isnan(astuple(figures([], [(*THREE[0], 0.9)])["all"])[:4]).all()
