"""What became of every box of one image at IoU 0.5 and from one score on.

For what is counted or drawn image by image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import ImageRecord, Ints
from mmisr.evaluation.functional.matching import best_of_class
from mmisr.evaluation.functional.matching_rules import TRUE, UNMATCHED, match_boxes, status_of
from mmisr.evaluation.functional.overlaps import Bools


@dataclass(frozen=True)
class ImageMatches:
    """The detections of one image that count, and what they found at IoU 0.5.

    Args:
        kept: (K,) indices of the detections that count, best score first within a class.
        owner: (K,) index of the annotation that each found, -1 for none.
        status: (K,) UNMATCHED, TRUE or IGNORED.
        missed: (N,) true for the annotations that count and that nothing found.
    """

    kept: Ints
    owner: Ints
    status: NDArray[np.int8]
    missed: Bools

    @property
    def true(self) -> Ints:
        """Indices of the detections that found an annotation which counts."""
        return self.kept[self.status == TRUE]

    @property
    def false(self) -> Ints:
        """Indices of the detections that found nothing.

        Those in a region to ignore are neither true nor false.
        """
        return self.kept[self.status == UNMATCHED]


def match_image(record: ImageRecord, score_thr: float, max_dets: int) -> ImageMatches:
    """Match the detections of one image at IoU 0.5, objects of every size.

    Source: the rules of :func:`mmisr.evaluation.functional.matching.match_classes`, whose code this
    calls.

    Args:
        record: The image.
        score_thr: Detections from this score on count.
        max_dets: Detections per class that count, best first.

    Returns:
        The matches.
    """
    labels = record.det_labels
    owner = np.full(len(labels), -1)
    status = np.full(len(labels), UNMATCHED, dtype=np.int8)
    by_class: list[Ints] = [np.zeros(0, dtype=np.int64)]
    for label in np.unique(labels).tolist():
        detections = best_of_class(record, label, max_dets)
        scores = record.det_scores[detections]
        detections = detections[scores >= score_thr]
        by_class.append(detections)
        _match_class(record, label, detections, owner, status)
    kept = np.concatenate(by_class)
    missed = ~record.gt_ignore
    matched = status != UNMATCHED
    missed[owner[matched]] = False
    return ImageMatches(
        kept=kept,
        owner=owner[kept],
        status=status[kept],
        missed=missed,
    )


def _match_class(
    record: ImageRecord, label: int, detections: Ints, owner: Ints, status: NDArray[np.int8]
) -> None:
    """Write into ``owner`` and ``status`` what the detections of one class found."""
    of_class = record.gt_labels == label
    if not of_class.any():
        return
    truths = np.flatnonzero(of_class)
    # Objects of every size are one range, in which crowds alone do not count.
    crowd = record.gt_ignore[truths]
    near, by_threshold = match_boxes(
        record.det_xyxy[detections], record.gt_xyxy[truths], crowd[None], crowd
    )
    if not len(near):
        return
    first = by_threshold[:1]  # IoU 0.5
    chosen = first[0, 0]
    is_nothing = chosen < 0
    of_record = truths[chosen]
    near = detections[near]
    owner[near] = np.where(is_nothing, -1, of_record)
    by_range = status_of(first, crowd[None])
    status[near] = by_range[0, 0]
