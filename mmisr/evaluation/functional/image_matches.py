"""What became of every box of one image at IoU 0.5 and from one score on.

For what is counted or drawn image by image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import ImageRecord, Ints
from mmisr.evaluation.functional.columns import Truths, truths_of
from mmisr.evaluation.functional.matching import COCO, Plan, plan_of
from mmisr.evaluation.functional.matching_rules import IGNORED, TRUE, UNMATCHED, match_by_rule
from mmisr.evaluation.functional.overlaps import Bools, inside
from mmisr.evaluation.functional.weighted_ap import iou_index
from mmisr.evaluation.size_bins import WHOLE, Protocol

IOU = 0.5
"""From this overlap on a detection finds an object."""


@dataclass(frozen=True)
class ImageMatches:
    """The detections of one image that count, and what they found at IoU 0.5.

    Args:
        kept: (K,) indices of the detections that count, best score first within a class.
        owner: (K,) index of the annotation that each found, -1 for none.
        status: (K,) UNMATCHED, TRUE or IGNORED.
        counted: (N,) true for the annotations that count.
        missed: (N,) true for those of them that nothing found.
    """

    kept: Ints
    owner: Ints
    status: NDArray[np.int8]
    counted: Bools
    missed: Bools

    @property
    def true(self) -> Ints:
        """Indices of the detections that found an annotation which counts."""
        return self.kept[self.status == TRUE]

    @property
    def false(self) -> Ints:
        """Indices of the detections that found nothing.

        Those in a region to ignore, or of a size that the protocol leaves out, are neither true nor
        false.
        """
        return self.kept[self.status == UNMATCHED]


def match_image(
    record: ImageRecord, score_thr: float, max_dets: int, rules: Protocol = COCO
) -> ImageMatches:
    """Match the detections of one image at IoU 0.5, objects of every size.

    Source: the rules of :func:`mmisr.evaluation.functional.matching.match_classes`, whose code this
    calls: matching, cap and what is ignored are the protocol's, and a record that carries the IoU
    of masks is matched by them.

    Args:
        record: The image, as the protocol counts it.
        score_thr: Detections from this score on count.
        max_dets: Detections per image (and class) that count, best first.
        rules: The protocol.

    Returns:
        The matches.

    Raises:
        ValueError: The protocol has no threshold of 0.5.
    """
    plan = plan_of([record], {WHOLE: rules.whole}, max_dets, rules)
    number = len(record.det_labels)
    owner = np.full(number, -1)
    status = np.full(number, UNMATCHED, dtype=np.int8)
    by_class: list[Ints] = [np.zeros(0, dtype=np.int64)]
    under_cap = plan.detections([record])
    is_sure = under_cap.score >= score_thr
    sure = under_cap.taken(is_sure)
    truths = truths_of([record])
    present = np.unique(under_cap.label)
    for label in present.tolist():
        of_class = sure.of_class(label)
        detections = of_class.place
        by_class.append(detections)
        annotated = truths.of_class(label)
        _match_class(record, annotated, detections, plan, owner, status)
    kept = np.concatenate(by_class)
    ignored, _ = plan.ignored(truths)
    counts = ~ignored[0]
    counted = np.zeros_like(counts)
    counted[truths.place] = counts
    missed = counted.copy()
    is_something = owner >= 0
    owners = owner[is_something]
    missed[owners] = False
    return ImageMatches(
        kept=kept,
        owner=owner[kept],
        status=status[kept],
        counted=counted,
        missed=missed,
    )


def _match_class(
    record: ImageRecord,
    truths: Truths,
    detections: Ints,
    plan: Plan,
    owner: Ints,
    status: NDArray[np.int8],
) -> None:
    """Write into ``owner`` and ``status`` what the detections of one class found."""
    areas = record.det_areas[detections]
    is_inside = inside(areas, plan.limits)
    # Of a size that the protocol does not know, and so wrong nowhere.
    outside = detections[~is_inside[0]]
    status[outside] = IGNORED
    if not (len(truths.place) and len(detections)):
        return
    ignore, _ = plan.ignored(truths)
    places = truths.place
    matched = match_by_rule(record, places, detections, ignore, plan.rules.matching)
    level = found_level(plan.rules)
    found = matched.owner[level, 0]
    is_something = found >= 0
    near = detections[matched.near[is_something]]
    owner[near] = places[found[is_something]]
    status[near] = matched.status[level, 0, is_something]


def found_level(rules: Protocol) -> int:
    """Which of a protocol's thresholds is 0.5.

    Raises:
        ValueError: None is.
    """
    level = iou_index(rules, IOU)
    if level is None:
        raise ValueError(
            f"what is found in an image is said at IoU {IOU}, and the thresholds of "
            f"{rules.name!r} are {rules.matching.ious}"
        )
    return level
