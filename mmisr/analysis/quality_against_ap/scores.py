"""The task score of every image, and of the data set under every draw of its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmisr.analysis.comparison.result import Comparison
from mmisr.analysis.what_helps import own_score
from mmisr.evaluation.functional.coco_records import Floats, ImageRecord, Ints, order_of
from mmisr.evaluation.functional.matching import Bools, match_classes
from mmisr.evaluation.functional.smallest_seen import found_objects
from mmisr.evaluation.functional.weighted_ap import weighted_ap
from mmisr.evaluation.size_bins import WHOLE, Protocol, protocol_named

SCORES = ("AP", "recall_small")


@dataclass(frozen=True)
class TaskScores:
    """What an arm scores.

    Args:
        images: By name of :data:`SCORES`, (images,) of each image alone; NaN without objects.
        draws: By name, (1 + B,) of the data set, as it is and under every draw.
    """

    images: dict[str, Floats]
    draws: dict[str, Floats]


def task_scores(comparison: Comparison, arm: str, weights: Ints, small_side: float) -> TaskScores:
    """AP, and recall at IoU 0.5 of small objects.

    Convention: AP is the comparison's, by the rules of its protocol. Detections count for recall
    from the score on at which the F1 of the arm over the data set is best; AP sees all of them.

    Args:
        comparison: The comparison.
        arm: Name of the arm.
        weights: (1 + B, images), see :func:`mmisr.analysis.comparison.resample.draw`.
        small_side: An object is small up to the square of it, in the frame of the size bins.

    Raises:
        ValueError: The comparison's protocol is of a later version of mmisr.
    """
    run = comparison.runs[arm]
    records = run.records
    meta = comparison.meta
    num_classes = len(meta.classes)
    max_dets = meta.metric.max_dets
    rules = protocol_named(meta.metric.protocol)
    # Every image alone first, then the draws.
    num_images = len(records)
    alone = np.eye(num_images, dtype=np.int64)
    rows = np.concatenate([alone, weights])
    score = own_score(records, num_classes, max_dets, rules)
    is_found = found_objects(records, score, max_dets, rules)
    by_name = {
        "AP": _ap(records, rows, num_classes, max_dets, rules),
        "recall_small": _recall(records, is_found, rows, small_side**2),
    }
    images = {}
    draws = {}
    for name, values in by_name.items():
        images[name] = values[:num_images]
        draws[name] = values[num_images:]
    return TaskScores(images, draws)


def _ap(
    records: Sequence[ImageRecord], rows: Ints, num_classes: int, max_dets: int, rules: Protocol
) -> Floats:
    """AP of the protocol's whole range, under every weighting."""
    whole = {WHOLE: rules.whole}
    classes = match_classes(records, num_classes, whole, max_dets, rules)
    # Images are weighted in the order of the records, which matching leaves for that of ids.
    order = order_of(records)
    in_order = rows[:, order]
    by_range = weighted_ap(
        classes,
        [WHOLE],
        in_order,
        rules=rules,
    )
    figures = by_range[WHOLE]
    return figures.ap


def _recall(
    records: Sequence[ImageRecord], is_found: Sequence[Bools], rows: Ints, largest: float
) -> Floats:
    """Share of the small objects that are found, under every weighting; NaN without any."""
    found = []
    total = []
    for record, of_image in zip(records, is_found, strict=True):
        fits = record.gt_areas <= largest
        counted = ~record.gt_ignore
        is_small = fits & counted
        num_small = is_small.sum()
        num_hits = (is_small & of_image).sum()
        total.append(num_small)
        found.append(num_hits)
    hits = rows @ np.array(found)
    objects = rows @ np.array(total)
    recall = np.full(len(rows), np.nan)
    has_some = objects > 0
    np.divide(hits, objects, out=recall, where=has_some)
    return recall
