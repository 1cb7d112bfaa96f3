"""What ``tools/analysis/evaluation_speed.py`` does.

The metric against the library it stands on, and the bootstrap.
"""

from __future__ import annotations

import contextlib
import io
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from rich.console import Console

from mmisr.analysis.comparison.resample import draw
from mmisr.evaluation.functional.coco_records import ImageRecord
from mmisr.evaluation.functional.matching import match_classes
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.functional.weighted_ap import weighted_ap
from mmisr.evaluation.size_bins import protocol_named
from mmisr.ops.boxes import area, to_xywh

MAX_DETS = 500


def evaluation_speed(
    images: int = 5000,
    annotations: int = 36_000,
    detections: int = 500_000,
    classes: int = 80,
    replicates: int = 1000,
    repeats: int = 3,
) -> dict[str, Any]:
    """Time the evaluation of a made-up data set.

    Three quarters of the annotations found, the rest of the boxes anywhere.

    Args:
        images: Images.
        annotations: Boxes annotated in all of them.
        detections: Boxes found in all of them.
        classes: Classes.
        replicates: Of the bootstrap of one arm; 0 for none.
        repeats: Timed rounds of metric and library, which take turns.

    Returns:
        Seconds: ``metric``, ``library`` (faster-coco-eval from its own JSON to its arrays), their
            ``ratio`` (medians), and
        ``bootstrap``.
    """
    records = made_up(images, annotations, detections, classes)
    ranges = protocol_named("coco").ranges()
    truth, found = _json(records, classes)
    times: dict[str, list[float]] = {"metric": [], "library": []}
    for number in range(repeats):
        ways = {
            "metric": lambda: size_binned_ap(records, classes, ranges, MAX_DETS),
            "library": lambda: _library(truth, found, ranges),
        }
        for name in list(ways) if number % 2 else reversed(list(ways)):
            start = perf_counter()
            ways[name]()
            times[name].append(perf_counter() - start)
    result = {name: median(values) for name, values in times.items()}
    result["ratio"] = median(a / b for a, b in zip(times["metric"], times["library"], strict=True))
    if replicates:
        start = perf_counter()
        matches = match_classes(records, classes, ranges, MAX_DETS)
        weighted_ap(matches, list(ranges), draw(images, replicates, 0))
        result["bootstrap"] = perf_counter() - start
    Console().print({name: round(value, 2) for name, value in result.items()})
    return result


def made_up(images: int, annotations: int, detections: int, classes: int) -> list[ImageRecord]:
    """Records with small boxes at random places, the same at every call."""
    rng = np.random.default_rng(0)
    records = []
    per_gt, per_det = annotations // images, detections // images
    for index in range(images):
        corner, side = rng.uniform(0, 900, (per_gt, 2)), rng.uniform(6, 80, (per_gt, 2))
        truth, labels = np.concatenate([corner, corner + side], 1), rng.integers(0, classes, per_gt)
        hits = min(round(0.75 * per_gt), per_det)
        near = truth[:hits] + rng.normal(0, 2, (hits, 4))
        corner = rng.uniform(0, 900, (per_det - hits, 2))
        boxes = np.concatenate(
            [near, np.concatenate([corner, corner + rng.uniform(6, 80, corner.shape)], 1)]
        )
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        records.append(
            ImageRecord(
                img_id=index + 1,
                gt_xyxy=truth,
                gt_labels=labels,
                gt_areas=area(truth),
                gt_ignore=np.zeros(per_gt, dtype=bool),
                det_xyxy=boxes,
                det_labels=np.concatenate(
                    [labels[:hits], rng.integers(0, classes, per_det - hits)]
                ),
                det_scores=rng.uniform(0.01, 1, per_det),
                det_areas=area(boxes),
            )
        )
    return records


def _json(records: list[ImageRecord], classes: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The same as the library reads it from files."""
    truth: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for r in records:
        for box, label, size in zip(
            to_xywh(r.gt_xyxy).tolist(), r.gt_labels.tolist(), r.gt_areas.tolist(), strict=True
        ):
            row = {
                "image_id": r.img_id,
                "category_id": label + 1,
                "bbox": box,
                "area": size,
                "iscrowd": 0,
            }
            truth.append({"id": len(truth) + 1, **row})
        for box, label, score in zip(
            to_xywh(r.det_xyxy).tolist(), r.det_labels.tolist(), r.det_scores.tolist(), strict=True
        ):
            found.append(
                {"image_id": r.img_id, "category_id": label + 1, "bbox": box, "score": score}
            )
    categories = [{"id": c + 1, "name": str(c)} for c in range(classes)]
    return {
        "images": [{"id": r.img_id} for r in records],
        "annotations": truth,
        "categories": categories,
    }, found


def _library(
    truth: dict[str, Any], found: list[dict[str, Any]], ranges: dict[str, tuple[float, float]]
) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        # Copies: it writes into what it is given.
        content = {**truth, "annotations": [dict(row) for row in truth["annotations"]]}
        coco = COCO(content)
        evaluator = COCOeval_faster(coco, coco.loadRes([dict(row) for row in found]), "bbox")
        evaluator.params.areaRng = [list(span) for span in ranges.values()]
        evaluator.params.areaRngLbl = list(ranges)
        evaluator.params.maxDets = [MAX_DETS]
        evaluator.evaluate()
        evaluator.accumulate()
