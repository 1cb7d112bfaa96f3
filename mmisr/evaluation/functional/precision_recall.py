"""Precision over recall, and the score at which a detector is right most often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmisr.evaluation.functional.coco_records import Floats, Ints
from mmisr.evaluation.functional.matching import IGNORED, TRUE, ClassMatches
from mmisr.evaluation.functional.weighted_ap import RECALLS

WHOLE_RANGE = 0
"""Objects of every size are the first range that is matched, see :meth:`mmisr.evaluation.size_bins.Protocol.ranges`."""


def precision_curve(classes: Sequence[ClassMatches], iou: int = 0) -> Floats:
    """Precision at COCO's 101 levels of recall, objects of every size; its mean is AP at that IoU.

    Source: ``COCOeval.accumulate`` of pycocotools: the best precision at a recall or above, 0 where
    that recall is not reached, mean over the classes that have annotations.

    Args:
        classes: Matches by class, see :func:`mmisr.evaluation.functional.matching.match_classes`.
        iou: Index into :data:`mmisr.evaluation.functional.matching.IOUS`.

    Returns:
        (101,) precision; NaN where no class has an annotation.
    """
    curves = []
    for matches in classes:
        positives = int(matches.positives[WHOLE_RANGE].sum())
        if not positives:
            continue
        true, false = _running(matches, iou)
        precision = true / np.maximum(true + false, 1)
        envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        curves.append(envelope[np.searchsorted(true / positives, RECALLS)])
    return np.mean(curves, axis=0) if curves else np.full(len(RECALLS), np.nan)


def best_score(classes: Sequence[ClassMatches], digits: int = 2) -> float | None:
    """The score from which on detections give the best F1 at IoU 0.5, all classes together.

    Args:
        classes: Matches by class.
        digits: Scores are told apart to so many decimals, and those that would be rounded up count
            as well.

    Returns:
        A score; None where there is no true positive.
    """
    positives = sum(int(m.positives[WHOLE_RANGE].sum()) for m in classes)
    steps = np.concatenate(
        [np.zeros(0), *(np.floor(m.score * 10**digits) / 10**digits for m in classes)]
    )
    runs = [_running(m, 0) for m in classes]
    hit, wrong = (
        np.concatenate([np.zeros(0), *(np.diff(r[k], prepend=0) for r in runs)]) for k in (0, 1)
    )
    levels, at = np.unique(steps, return_inverse=True)
    true, false = (np.cumsum(np.bincount(at, v, len(levels))[::-1])[::-1] for v in (hit, wrong))
    if not true.any():
        return None
    f1 = 2 * true / (true + false + positives)
    return round(float(levels[f1.argmax()]), digits)


def _running(matches: ClassMatches, iou: int) -> tuple[Ints, Ints]:
    """(N,) true and false positives down to each detection.

    Those in regions to ignore are neither.
    """
    status = np.zeros(len(matches.score), dtype=np.int8)
    status[matches.near] = matches.status[iou, WHOLE_RANGE]
    return np.cumsum(status == TRUE), np.cumsum((status != TRUE) & (status != IGNORED))
