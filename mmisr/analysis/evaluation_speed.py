"""Time the metric against the library it stands on, and the bootstrap, on a made-up data set."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from mmisr.analysis.comparison.resample import draw
from mmisr.evaluation.functional.coco_records import ImageRecord
from mmisr.evaluation.functional.ignore_rules import all_counted
from mmisr.evaluation.functional.matching import match_classes
from mmisr.evaluation.functional.protocol_ap import protocol_ap
from mmisr.evaluation.functional.weighted_ap import weighted_ap
from mmisr.evaluation.size_bins import Protocol, protocol_named
from mmisr.ops.boxes import area, to_xywh
from mmisr.structures.marks import Mark

MAX_DETS = 500
"""The least that a protocol is timed with: 100 would leave most of a crowd out."""

IMAGE_SIDE = 900
"""Pixels along which corners of boxes lie."""

SIDES = (6, 80)
"""Smallest and largest side of a box, in pixels."""

HIT_SHARE = 0.75
JITTER = 2
"""Standard deviation in pixels of a detection's edges about those of its annotation."""

Row = dict[str, Any]


@dataclass(frozen=True)
class EvaluationSpeed:
    """How long an evaluation takes, in seconds of the processor.

    Args:
        metric: Seconds that our metric takes.
        library: Seconds that faster-coco-eval takes, from its own JSON to its arrays.
        ratio: Median over the rounds of metric / library.
        bootstrap: Seconds that the bootstrap of one arm takes; None where it was not run.
    """

    metric: float
    library: float
    ratio: float
    bootstrap: float | None = None


def evaluation_speed(
    images: int = 5000,
    annotations: int = 36_000,
    detections: int = 500_000,
    classes: int = 80,
    replicates: int = 1000,
    repeats: int = 3,
    protocol: str = "coco",
) -> EvaluationSpeed:
    """Time the evaluation of a made-up data set.

    Three quarters of the annotations are found, the rest of the boxes lie anywhere. The library
    counts by COCO's rules with the protocol's thresholds, ranges and caps, and no ignored region.

    Args:
        images: Number of images.
        annotations: Number of boxes annotated in all of them together.
        detections: Number of boxes found in all of them together.
        classes: Number of classes.
        replicates: Replicates of the bootstrap of one arm; 0 for none.
        repeats: Timed rounds of metric and library, which take turns.
        protocol: Name of the protocol that is timed.

    Returns:
        Medians of the rounds.
    """
    records = made_up(images, annotations, detections, classes)
    rules = protocol_named(protocol)
    truth, results = coco_json(records, classes)
    ways: dict[str, Callable[[], object]] = {
        "metric": partial(_metric, records, classes, rules),
        "library": partial(_library, truth, results, rules),
    }
    order = list(ways)
    seconds: dict[str, list[float]] = {name: [] for name in order}
    for _ in range(repeats):
        order.reverse()  # neither profits from coming second
        for name in order:
            took = _seconds(ways[name])
            seconds[name].append(took)
    ours = seconds["metric"]
    theirs = seconds["library"]
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    bootstrap = None
    if replicates:
        resample = partial(_bootstrap, records, classes, rules, replicates)
        bootstrap = _seconds(resample)
    return EvaluationSpeed(
        metric=median(ours),
        library=median(theirs),
        ratio=median(ratios),
        bootstrap=bootstrap,
    )


def _seconds(work: Callable[[], object]) -> float:
    # Of the processor, which both keep to one core of: what else runs on the machine is not in it.
    start = process_time()
    work()
    return process_time() - start


def _metric(records: list[ImageRecord], classes: int, rules: Protocol) -> None:
    counted = all_counted(records, rules)
    protocol_ap(counted, classes, rules, _cap(rules))


def _cap(rules: Protocol) -> int:
    return max(rules.max_dets, MAX_DETS)


def _bootstrap(records: list[ImageRecord], classes: int, rules: Protocol, replicates: int) -> None:
    ranges = rules.ranges()
    counted = all_counted(records, rules)
    matches = match_classes(counted, classes, ranges, _cap(rules), rules)
    weighted_ap(matches, list(ranges), draw(len(records), replicates, 0), rules=rules)


def made_up(images: int, annotations: int, detections: int, classes: int) -> list[ImageRecord]:
    """Records with small boxes at random places, the same at every call."""
    rng = np.random.default_rng(0)
    num_truth = annotations // images
    num_boxes = detections // images
    return [_made_up(rng, index + 1, num_truth, num_boxes, classes) for index in range(images)]


def _made_up(
    rng: np.random.Generator, img_id: int, num_truth: int, num_boxes: int, classes: int
) -> ImageRecord:
    truth = _boxes(rng, num_truth)
    none_ignored = np.zeros(num_truth, dtype=bool)
    labels = rng.integers(0, classes, num_truth)
    hits = min(round(HIT_SHARE * num_truth), num_boxes)
    jitter = rng.normal(0, JITTER, (hits, 4))
    num_others = num_boxes - hits
    near = truth[:hits] + jitter
    anywhere = _boxes(rng, num_others)
    boxes = np.concatenate([near, anywhere])
    # A detection has at least one pixel, whatever the jitter did.
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    guesses = rng.integers(0, classes, num_others)
    return ImageRecord(
        img_id=img_id,
        gt_xyxy=truth,
        gt_labels=labels,
        gt_areas=area(truth),
        gt_ignore=none_ignored,
        det_xyxy=boxes,
        det_labels=np.concatenate([labels[:hits], guesses]),
        det_scores=rng.uniform(0.01, 1, num_boxes),
        det_areas=area(boxes),
        gt_marks=_marks(num_truth),
    )


def _marks(count: int) -> NDArray[np.int64]:
    """A region, then objects of every subset, the second of which is uncertain and difficult."""
    marks = np.full(count, int(Mark.EASY | Mark.MEDIUM | Mark.HARD))
    marks[:1] = int(Mark.REGION)
    marks[1:2] |= int(Mark.UNCERTAIN | Mark.DIFFICULT)
    return marks


def _boxes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count, 4) xyxy boxes."""
    corner = rng.uniform(0, IMAGE_SIDE, (count, 2))
    side = rng.uniform(*SIDES, (count, 2))
    return np.concatenate([corner, corner + side], 1)


def coco_json(records: list[ImageRecord], classes: int) -> tuple[Row, list[Row]]:
    """The same as the library reads it from files.

    Args:
        records: Boxes of each image.
        classes: Number of classes.

    Returns:
        An annotation file and a list of results.
    """
    images = []
    annotations: list[Row] = []
    results: list[Row] = []
    for record in records:
        images.append({"id": record.img_id})
        rows = _rows(record.img_id, record.gt_xyxy, record.gt_labels)
        sizes = record.gt_areas.tolist()
        for row, size in zip(rows, sizes, strict=True):
            number = len(annotations) + 1
            row |= {"id": number, "area": size, "iscrowd": 0}
            annotations.append(row)
        rows = _rows(record.img_id, record.det_xyxy, record.det_labels)
        scores = record.det_scores.tolist()
        for row, score in zip(rows, scores, strict=True):
            row["score"] = score
            results.append(row)
    categories = [{"id": label + 1, "name": str(label)} for label in range(classes)]
    content = {
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    return content, results


def _rows(img_id: Any, xyxy: NDArray[np.floating], labels: NDArray[np.integer]) -> list[Row]:
    rows = []
    for box, label in zip(to_xywh(xyxy).tolist(), labels.tolist(), strict=True):
        rows.append({"image_id": img_id, "category_id": label + 1, "bbox": box})
    return rows


def _library(truth: Row, results: list[Row], rules: Protocol) -> None:
    # Copies: it writes into what it is given.
    annotations = [dict(row) for row in truth["annotations"]]
    content = {**truth, "annotations": annotations}
    detections = [dict(row) for row in results]
    ranges = rules.ranges()
    spans = [list(span) for span in ranges.values()]
    # No more than there are: it takes memory for as many as it is asked, which may be all.
    in_images = Counter(row["image_id"] for row in results)
    cap = min(_cap(rules), max(in_images.values(), default=1))
    smaller = [each for each in rules.averaging.recall_at if each < cap]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(content)
        loaded = coco.loadRes(detections)
        evaluator = COCOeval_faster(coco, loaded, "bbox")
        params = evaluator.params
        params.areaRng = spans
        params.areaRngLbl = list(ranges)
        params.iouThrs = np.array(rules.matching.ious)
        params.maxDets = [*smaller, cap]
        evaluator.evaluate()
        evaluator.accumulate()
