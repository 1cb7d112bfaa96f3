"""AP and AR by object size, on faster-coco-eval: the AP engine of the metric.

A comparison's intervals come from a second engine, :mod:`mmisr.evaluation.functional.weighted_ap`.
Why there are two, and what holds them equal: docs/concepts/evaluation.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats, ImageRecord, check_labels, in_order
from mmisr.evaluation.functional.mask_records import ImageMasks
from mmisr.ops.boxes import to_xywh

NUM_IOUS, NUM_RECALLS = 10, 101
IOU_50, IOU_75 = 0, 5
"""Rows of the IoU thresholds 0.50 and 0.75 among 0.50:0.05:0.95."""


@dataclass(frozen=True)
class BinFigures:
    """The figures of one range of sizes; NaN where it holds no ground truth.

    Args:
        ap: AP, mean over the IoU thresholds (COCO's: 0.50:0.05:0.95).
        ap50: AP at IoU 0.50.
        ap75: AP at IoU 0.75; NaN where a protocol does not have it.
        ar: Recall, mean over the thresholds.
        count: Ground-truth boxes in the range, regions to ignore not counted.
        class_ap: ``ap`` of each class.
        recall_at: ``ar`` by smaller cap, where the protocol has any.
        ap25: AP at IoU 0.25; NaN where a protocol does not have it.
    """

    ap: float
    ap50: float
    ap75: float
    ar: float
    count: int
    class_ap: tuple[float, ...]
    recall_at: Mapping[int, float] = field(default_factory=dict)
    ap25: float = math.nan


def size_binned_ap(
    records: Sequence[ImageRecord],
    num_classes: int,
    ranges: Mapping[str, tuple[float, float]],
    max_dets: int,
    recall_at: Sequence[int] = (),
) -> dict[str, BinFigures]:
    """COCO's AP and AR over each range of areas, with one cap for all of them.

    Source: Lin et al., "Microsoft COCO": IoU 0.50:0.05:0.95, 101 recall points, figures are means
    over the classes that have ground truth in the range. What differs from pycocotools: every
    figure uses ``max_dets``, where pycocotools takes AP at 100 detections whatever is asked; and a
    range without ground truth gives NaN, not -1. The library's own summary is not used: it moves
    its entries when ranges change, and takes the last cap for all.

    Convention: as in :class:`ImageRecord`; both ends of a range belong to it. Records that
    :func:`mmisr.evaluation.functional.coco_records.by_masks` made are matched by their masks.

    Args:
        records: One per image, in any order.
        num_classes: Number of classes; labels are below it.
        ranges: Area ranges in px^2 by name.
        max_dets: Detections per image and class that count, best scores first.
        recall_at: Smaller caps at which recall is given too; others are passed over.

    Returns:
        Figures by name of the range, in the order given.

    Raises:
        ValueError: A label names no class, ``max_dets`` or ``num_classes`` is below 1, or there is
            no range.
    """
    if max_dets < 1 or num_classes < 1 or not ranges:
        raise ValueError(
            "size_binned_ap needs max_dets >= 1, num_classes >= 1 and at least one range, "
            f"got {max_dets}, {num_classes} and {dict(ranges)}"
        )
    for record in records:
        check_labels(record, num_classes)
    caps = [*(cap for cap in sorted(recall_at) if cap < max_dets), max_dets]
    precision, recalls = _precision_recall(in_order(records), num_classes, ranges, caps)
    recall = recalls[..., -1]
    return {
        name: BinFigures(
            ap=_mean(precision[..., i]),
            ap50=_mean(precision[IOU_50, ..., i]),
            ap75=_mean(precision[IOU_75, ..., i]),
            ar=_mean(recall[..., i]),
            count=_count(records, *span),
            class_ap=tuple(_mean(precision[:, :, c, i]) for c in range(num_classes)),
            recall_at={cap: _mean(recalls[..., i, m]) for m, cap in enumerate(caps[:-1])},
        )
        for i, (name, span) in enumerate(ranges.items())
    }


def _precision_recall(
    records: Sequence[ImageRecord],
    num_classes: int,
    ranges: Mapping[str, tuple[float, float]],
    caps: list[int],
) -> tuple[Floats, Floats]:
    """Precision (10, 101, classes, ranges) at the last cap, recall (10, classes, ranges, caps).

    -1 where a class has no ground truth.
    """
    of_precision = (NUM_IOUS, NUM_RECALLS, num_classes, len(ranges), len(caps))
    of_recall = (NUM_IOUS, num_classes, len(ranges), len(caps))
    if not any(len(r.gt_labels) for r in records):
        return np.full(of_precision[:-1], -1.0), np.full(of_recall, -1.0)
    iou_type = "bbox" if all(record.ious is None for record in records) else "segm"
    evaluator = COCOeval_faster(
        _ground_truth(records, num_classes), _detections(records, num_classes), iou_type
    )
    evaluator.params.areaRng = [list(span) for span in ranges.values()]
    evaluator.params.areaRngLbl = list(ranges)
    evaluator.params.maxDets = caps
    evaluator.evaluate()
    evaluator.accumulate()
    precision, recall = (
        np.asarray(evaluator.eval[key], dtype=np.float64) for key in ("precision", "recall")
    )
    return precision.reshape(of_precision)[..., -1], recall.reshape(of_recall)


def _mean(values: NDArray[np.floating]) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else float("nan")


def _count(records: Sequence[ImageRecord], low: float, high: float) -> int:
    return sum(
        int(((r.gt_areas >= low) & (r.gt_areas <= high) & ~r.gt_ignore).sum()) for r in records
    )


def _ground_truth(records: Sequence[ImageRecord], num_classes: int) -> COCO:
    rows: list[dict[str, Any]] = []
    for image, r in enumerate(records, 1):
        columns = (
            to_xywh(r.gt_xyxy).tolist(),
            r.gt_labels.tolist(),
            r.gt_areas.tolist(),
            r.gt_ignore.tolist(),
        )
        for box, label, area, ignore in zip(*columns, strict=True):
            row = {
                "id": len(rows) + 1,
                "image_id": image,
                "category_id": label + 1,
                "bbox": box,
                "area": area,
            }
            rows.append({**row, "iscrowd": int(ignore)})
        _add_masks(rows, r, lambda masks: masks.gt)
    return _coco(records, num_classes, rows)


def _detections(records: Sequence[ImageRecord], num_classes: int) -> COCO:
    rows: list[dict[str, Any]] = []
    for image, r in enumerate(records, 1):
        columns = (
            to_xywh(r.det_xyxy).tolist(),
            r.det_labels.tolist(),
            r.det_areas.tolist(),
            r.det_scores.tolist(),
        )
        for box, label, area, score in zip(*columns, strict=True):
            row = {
                "id": len(rows) + 1,
                "image_id": image,
                "category_id": label + 1,
                "bbox": box,
                "area": area,
            }
            rows.append({**row, "iscrowd": 0, "score": score})
        _add_masks(rows, r, lambda masks: masks.det)
    return _coco(records, num_classes, rows)


def _add_masks(
    rows: list[dict[str, Any]],
    record: ImageRecord,
    counts_of: Callable[[ImageMasks], Sequence[bytes]],
) -> None:
    """Put the masks of an image on its rows, the last ones; nothing where it has none."""
    masks = record.masks
    if masks is None:
        return
    rles = masks.rles(counts_of(masks))
    for row, rle in zip(rows[len(rows) - len(rles) :], rles, strict=True):
        row["segmentation"] = rle


def _coco(
    records: Sequence[ImageRecord], num_classes: int, annotations: list[dict[str, Any]]
) -> COCO:
    images = []
    for image, record in enumerate(records, 1):
        height, width = record.masks.hw if record.masks else (None, None)
        images.append({"id": image, "height": height, "width": width})
    return COCO(
        {
            "images": images,
            "categories": [{"id": c + 1, "name": str(c)} for c in range(num_classes)],
            "annotations": annotations,
        }
    )
