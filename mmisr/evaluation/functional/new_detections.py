"""Detections that an SR method makes up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import ImageRecord
from mmisr.evaluation.functional.overlaps import box_ious

SCORE, TOUCH = 0.3, 0.1
"""From this score on a detection counts, and from this IoU on two boxes mean the same place."""


def new_false_positives(
    record: ImageRecord, baseline: ImageRecord, score: float = SCORE, touch: float = TOUCH
) -> NDArray[np.bool_]:
    """False positives that the baseline does not have.

    Convention: a false positive has at least ``score`` and touches no annotation of any class,
    regions to ignore included. It is new where no detection of the baseline with at least ``score``
    touches it, of any class.

    Args:
        record: Annotations of an image and detections of an arm.
        baseline: The same image with the detections of the arm compared with.
        score: Scores from here on count, on both sides.
        touch: IoU from here on is the same place.

    Returns:
        (M,) true for the detections of ``record`` that are new false positives.
    """
    known = np.concatenate([record.gt_xyxy, baseline.det_xyxy[baseline.det_scores >= score]])
    touched = (box_ious(record.det_xyxy, known) >= touch).any(1)
    return (record.det_scores >= score) & ~touched
