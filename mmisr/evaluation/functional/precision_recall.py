"""Precision over recall, and the score at which a detector is right most often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats, Ints
from mmisr.evaluation.functional.curves import RECALLS
from mmisr.evaluation.functional.matching import ClassMatches
from mmisr.evaluation.functional.matching_rules import IGNORED, TRUE, UNMATCHED
from mmisr.evaluation.functional.overlaps import Bools

WHOLE_RANGE = 0
"""Objects of every size are the first range that is matched.

See :meth:`mmisr.evaluation.size_bins.Protocol.ranges`.
"""


def precision_curve(classes: Sequence[ClassMatches], iou: int = 0) -> Floats:
    """Precision at COCO's 101 levels of recall, objects of every size; its mean is AP at that IoU.

    Source: ``COCOeval.accumulate`` of pycocotools: the best precision at a recall or above, 0 where
    that recall is not reached, mean over the classes that have annotations.

    Args:
        classes: Matches by class, see :func:`mmisr.evaluation.functional.matching.match_classes`.
        iou: Index into the thresholds of the protocol.

    Returns:
        (101,) precision; NaN where no class has an annotation.
    """
    curves = []
    for matches in classes:
        num_positives = _num_positives(matches)
        if not num_positives:
            continue
        true, false = _running(matches, iou)
        recall = true / num_positives
        both = true + false
        precision = true / np.maximum(both, 1)
        backwards = precision[::-1]
        # The best precision from here on; 0 beyond the last detection.
        best = np.maximum.accumulate(backwards)
        envelope = np.append(best[::-1], 0.0)
        reached = np.searchsorted(recall, RECALLS)
        curves.append(envelope[reached])
    if not curves:
        return np.full(len(RECALLS), np.nan)
    return np.mean(curves, axis=0)


def best_score(classes: Sequence[ClassMatches], digits: int = 2, iou: int = 0) -> float | None:
    """The score from which on detections give the best F1 at IoU 0.5, all classes together.

    Args:
        classes: Matches by class.
        digits: Scores are told apart to so many decimals, and those that would be rounded up count
            as well.
        iou: Index of the threshold of 0.5 among those of the protocol.

    Returns:
        A score; None where there is no true positive.
    """
    num_positives = sum(_num_positives(matches) for matches in classes)
    scores: list[Floats] = [np.zeros(0)]
    hits: list[Bools] = [np.zeros(0, dtype=bool)]
    misses: list[Bools] = [np.zeros(0, dtype=bool)]
    for matches in classes:
        status = _status(matches, iou)
        score = _rounded_down(matches.score, digits)
        scores.append(score)
        hits.append(status == TRUE)
        misses.append(status == UNMATCHED)
    all_scores = np.concatenate(scores)
    levels, at = np.unique(all_scores, return_inverse=True)
    true = _from_here_on(at, hits, len(levels))
    false = _from_here_on(at, misses, len(levels))
    if not true.any():
        return None
    possible = true + false + num_positives
    f1 = 2 * true / possible
    best = levels[f1.argmax()]
    return round(float(best), digits)


def _num_positives(matches: ClassMatches) -> int:
    return int(matches.positives[WHOLE_RANGE].sum())


def _rounded_down(scores: Floats, digits: int) -> Floats:
    factor = 10**digits
    return np.floor(scores * factor) / factor


def _from_here_on(at: Ints, marks: Sequence[Bools], num_levels: int) -> NDArray:
    """(L,) how many detections are marked at each level of score or above.

    Args:
        at: (N,) level of each detection, from the lowest.
        marks: (N,) whether it is marked, class by class.
        num_levels: L levels.
    """
    counts = np.bincount(at, np.concatenate(marks), num_levels)
    return np.cumsum(counts[::-1])[::-1]


def _running(matches: ClassMatches, iou: int) -> tuple[Ints, Ints]:
    """(N,) true and false positives down to each detection.

    Those in regions to ignore are neither.
    """
    status = _status(matches, iou)
    true = np.cumsum(status == TRUE)
    false = np.cumsum(status == UNMATCHED)
    return true, false


def _status(matches: ClassMatches, iou: int) -> NDArray[np.int8]:
    """(N,) what became of each detection, objects of every size."""
    number = len(matches.score)
    status = np.full(number, UNMATCHED, dtype=np.int8)
    near = matches.near
    status[near] = matches.status[iou, WHOLE_RANGE]
    is_inside = matches.inside[WHOLE_RANGE]
    is_unmatched = status == UNMATCHED
    # Of a size that the protocol does not know, and so wrong nowhere.
    is_excused = is_unmatched & ~is_inside
    status[is_excused] = IGNORED
    return status
