"""AP and AR by object size, on faster-coco-eval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from mmisr.evaluation.size_bins import INFINITE

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class ImageRecord:
    """Ground truth and detections of one image; every box is xyxy in the frame that the bins are measured in.

    Args:
        gt_xyxy: (N, 4).
        gt_labels: (N,) class indices.
        gt_areas: (N,) areas in px^2 of the same frame.
        gt_ignore: (N,) true for crowds and other regions where detections count neither way.
        det_xyxy: (M, 4).
        det_labels: (M,).
        det_scores: (M,).
    """

    gt_xyxy: Floats
    gt_labels: NDArray[np.integer]
    gt_areas: Floats
    gt_ignore: NDArray[np.bool_]
    det_xyxy: Floats
    det_labels: NDArray[np.integer]
    det_scores: Floats


@dataclass(frozen=True)
class BinFigures:
    """The figures of one size bin; NaN where the bin holds no ground truth."""

    ap: float
    ap50: float
    ap75: float
    ar: float
    count: int


def size_binned_ap(
    records: Sequence[ImageRecord], num_classes: int, bins: dict[str, tuple[float, float]], max_dets: int
) -> dict[str, BinFigures]:
    """COCO's AP over all objects and over each range of areas, with one cap for all of them.

    Source: Lin et al., "Microsoft COCO", IoU 0.50:0.05:0.95, 101 recall points. Unlike pycocotools, which takes mAP at
    100 detections whatever is asked, every figure uses ``max_dets``. Figures are means over the classes that have ground
    truth in the bin.

    Args:
        records: One an image.
        num_classes: Number of classes; labels are below it.
        bins: Area ranges in px^2 by name.
        max_dets: Detections an image and class that count.

    Returns:
        Figures by bin name, ``all`` first.

    Raises:
        ValueError: A label is not below ``num_classes``.
    """
    _check_labels(records, num_classes)
    ranges = {"all": (0.0, INFINITE), **bins}
    evaluator = COCOeval_faster(_ground_truth(records, num_classes), _detections(records, num_classes), "bbox")
    evaluator.params.areaRng = [list(r) for r in ranges.values()]
    evaluator.params.areaRngLbl = list(ranges)
    evaluator.params.maxDets = [max_dets]
    evaluator.evaluate()
    evaluator.accumulate()
    shape = (10, 101, num_classes, len(ranges))
    precision = np.asarray(evaluator.eval["precision"], dtype=float).reshape(shape)
    recall = np.asarray(evaluator.eval["recall"], dtype=float).reshape(10, num_classes, len(ranges))
    return {
        name: BinFigures(
            ap=_mean(precision[..., i]),
            ap50=_mean(precision[0, ..., i]),
            ap75=_mean(precision[5, ..., i]),
            ar=_mean(recall[..., i]),
            count=_count(records, *span),
        )
        for i, (name, span) in enumerate(ranges.items())
    }


def _mean(values: Floats) -> float:
    """Mean over what exists: -1 marks a class without ground truth."""
    known = values[values > -1]
    return float(known.mean()) if known.size else float("nan")


def _count(records: Sequence[ImageRecord], low: float, high: float) -> int:
    return sum(int(((r.gt_areas >= low) & (r.gt_areas <= high) & ~r.gt_ignore).sum()) for r in records)


def _check_labels(records: Sequence[ImageRecord], num_classes: int) -> None:
    for kind in ("gt_labels", "det_labels"):
        highest = max((int(getattr(r, kind).max()) for r in records if getattr(r, kind).size), default=-1)
        if highest >= num_classes:
            raise ValueError(
                f"{kind} must be below the number of classes, {num_classes}, found {highest}: the detector's num_classes and "
                "the data set's metainfo['classes'] do not agree"
            )


def _coco(images: int, classes: int, annotations: list[dict[str, Any]]) -> COCO:
    return COCO(
        {
            "images": [{"id": i + 1} for i in range(images)],
            "categories": [{"id": c + 1, "name": str(c)} for c in range(classes)],
            "annotations": annotations,
        }
    )


def _xywh(xyxy: Floats) -> list[list[float]]:
    xyxy = np.asarray(xyxy, dtype=float).reshape(-1, 4)
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1).tolist()


def _ground_truth(records: Sequence[ImageRecord], classes: int) -> COCO:
    rows = []
    for image, r in enumerate(records, 1):
        columns = (_xywh(r.gt_xyxy), r.gt_labels.tolist(), r.gt_areas.tolist(), r.gt_ignore.tolist())
        for box, label, area, ignore in zip(*columns, strict=True):
            row = {"id": len(rows) + 1, "image_id": image, "category_id": label + 1, "bbox": box, "area": area}
            rows.append({**row, "iscrowd": int(ignore), "ignore": int(ignore)})
    return _coco(len(records), classes, rows)


def _detections(records: Sequence[ImageRecord], classes: int) -> COCO:
    rows = []
    for image, r in enumerate(records, 1):
        for box, label, score in zip(_xywh(r.det_xyxy), r.det_labels.tolist(), r.det_scores.tolist(), strict=True):
            row = {"id": len(rows) + 1, "image_id": image, "category_id": label + 1, "bbox": box, "score": score}
            rows.append({**row, "area": box[2] * box[3], "iscrowd": 0})
    return _coco(len(records), classes, rows)
