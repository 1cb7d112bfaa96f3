"""What an SR method makes up, mends and loses, beside a baseline on the same image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats, ImageRecord, Ints, masks_in
from mmisr.evaluation.functional.image_matches import match_image
from mmisr.evaluation.functional.matching import COCO
from mmisr.evaluation.functional.overlaps import box_ious
from mmisr.evaluation.size_bins import Protocol

SCORE, TOUCH = 0.3, 0.1
"""From this score on a detection counts, and from this IoU on two boxes mean the same place."""


@dataclass(frozen=True)
class Changes:
    """What is otherwise in one image of an arm than in the baseline.

    Args:
        found: Indices of the annotations that the arm finds and the baseline misses.
        lost: Of those that the baseline finds and the arm misses.
        new: Indices of the arm's detections that are new false positives.
        gone: Of the baseline's detections: false positives that the arm does not have.
    """

    found: Ints
    lost: Ints
    new: Ints
    gone: Ints


def changes(
    record: ImageRecord,
    baseline: ImageRecord,
    scores: tuple[float, float],
    max_dets: int,
    rules: Protocol = COCO,
) -> Changes:
    """Compare an arm with a baseline on one image, at IoU 0.5.

    Args:
        record: Annotations of an image and detections of the arm.
        baseline: The same image with the detections of the baseline.
        scores: Detections from these scores on count, the arm's and the baseline's.
        max_dets: Detections per image (and class) that count, best first.
        rules: The protocol whose rules match.

    Returns:
        Objects found and lost, false positives that are new and that are gone, see
        :func:`new_false_positives`.
    """
    score, known_score = scores
    ours = match_image(record, score, max_dets, rules)
    theirs = match_image(baseline, known_score, max_dets, rules)
    is_found = theirs.missed & ~ours.missed
    is_lost = ours.missed & ~theirs.missed
    is_new = new_false_positives(
        record,
        baseline,
        score,
        known_score,
    )
    is_gone = new_false_positives(
        baseline,
        record,
        known_score,
        score,
    )
    new = np.flatnonzero(is_new)
    gone = np.flatnonzero(is_gone)
    return Changes(
        found=np.flatnonzero(is_found),
        lost=np.flatnonzero(is_lost),
        new=np.intersect1d(new, ours.kept),
        gone=np.intersect1d(gone, theirs.kept),
    )


def new_false_positives(
    record: ImageRecord,
    baseline: ImageRecord,
    score: float = SCORE,
    known_score: float | None = None,
) -> NDArray[np.bool_]:
    """False positives that the baseline does not have.

    Convention: a false positive has at least ``score`` and touches no annotation of any class,
    regions to ignore included. It is new where no detection of the baseline with at least
    ``known_score`` touches it, of any class. Two boxes touch from an IoU of :data:`TOUCH` on; a
    region to ignore and a detection from this share of the detection's own area on. Where the
    record is matched by masks, it is masks that touch.

    Args:
        record: Annotations of an image and detections of an arm.
        baseline: The same image with the detections of the arm compared with.
        score: Scores of the arm from here on count.
        known_score: Scores of the baseline from here on count; ``score`` by default.

    Returns:
        (M,) true for the detections of ``record`` that are new false positives.
    """
    if known_score is None:
        known_score = score
    is_known = baseline.det_scores >= known_score
    known = np.flatnonzero(is_known)
    by_masks = record.ious is not None
    overlaps = _mask_overlaps if by_masks else _box_overlaps
    touches = overlaps(record, baseline, known) >= TOUCH
    is_sure = record.det_scores >= score
    is_near = touches.any(1)
    is_new: NDArray[np.bool_] = is_sure & ~is_near
    return is_new


def _box_overlaps(record: ImageRecord, baseline: ImageRecord, known: Ints) -> Floats:
    """(M, N + K) of detections with annotations, and with K detections of the baseline."""
    own = record.det_xyxy
    annotated = box_ious(own, record.gt_xyxy, record.gt_ignore)
    seen = box_ious(own, baseline.det_xyxy[known])
    return np.concatenate([annotated, seen], axis=1)


def _mask_overlaps(record: ImageRecord, baseline: ImageRecord, known: Ints) -> Floats:
    """The same of their masks."""
    masks = masks_in(record)
    theirs = masks_in(baseline).det
    seen = [theirs[index] for index in known]
    others = replace(masks, gt=(*masks.gt, *seen))
    # Masks of all classes overlap alike.
    det_class = np.zeros_like(record.det_labels)
    other_class = np.zeros(len(others.gt), dtype=np.int64)
    is_crowd = np.zeros(len(others.gt), dtype=bool)
    num_annotated = len(record.gt_ignore)
    is_crowd[:num_annotated] = record.gt_ignore
    return others.ious(det_class, other_class, is_crowd)
