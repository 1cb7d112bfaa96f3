"""What became of every box of one image at one IoU and from one score on.

For what is counted or drawn image by image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import ImageRecord, Ints
from mmisr.evaluation.functional.matching import (
    IOUS,
    TRUE,
    UNMATCHED,
    Bools,
    assign,
    box_ious,
    status_of,
)


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
        max_dets: Detections a class that count, best first.

    Returns:
        The matches.
    """
    kept: list[Ints] = [np.zeros(0, dtype=np.int64)]
    owner: list[Ints] = [np.zeros(0, dtype=np.int64)]
    status: list[NDArray[np.int8]] = [np.zeros(0, dtype=np.int8)]
    for label in np.unique(record.det_labels).tolist():
        truth, found = (
            np.flatnonzero(record.gt_labels == label),
            np.flatnonzero(record.det_labels == label),
        )
        found = found[np.argsort(-record.det_scores[found], kind="stable")[:max_dets]]
        found = found[record.det_scores[found] >= score_thr]
        kept.append(found)
        owner.append(np.full(len(found), -1))
        status.append(np.full(len(found), UNMATCHED, dtype=np.int8))
        crowd = record.gt_ignore[truth]
        ious = box_ious(record.det_xyxy[found], record.gt_xyxy[truth], crowd)
        near = np.flatnonzero((ious >= IOUS[0]).any(1))
        if len(near):
            taken = assign(ious[near], crowd[None], crowd)[:1]
            owner[-1][near] = np.where(taken[0, 0] < 0, -1, truth[taken[0, 0]])
            status[-1][near] = status_of(taken, crowd[None])[0, 0]
    owners, statuses = np.concatenate(owner), np.concatenate(status)
    missed = ~record.gt_ignore
    missed[owners[statuses != UNMATCHED]] = False
    return ImageMatches(np.concatenate(kept), owners, statuses, missed)
