"""From precision over recall to one number, by each rule that benchmarks use.

Convention: B replicates, P points of a curve by falling score; hits and totals never fall along
them. Where points are the true positives, copies of an image's stand side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats
from mmisr.evaluation.functional.size_binned_ap import NUM_RECALLS

Counts = NDArray[np.int32]
Average = Callable[[Counts, Counts], Floats]

RECALLS = np.linspace(0.0, 1.0, NUM_RECALLS)
"""COCO's levels of recall."""

FROM_BELOW = np.arange(6) * 0.1
VOC07_RECALLS = np.concatenate([FROM_BELOW, 1 - FROM_BELOW[-2::-1]])
"""The levels 0, 0.1, ... 1 of PASCAL VOC 2007, to the last bit as MATLAB counts ``0:0.1:1``: the
upper half from above."""

LEVELS = {"101": RECALLS, "11": VOC07_RECALLS}


def mean_precision(curve: str, positives: Counts) -> Average:
    """How a curve becomes AP.

    Args:
        curve: See :class:`mmisr.evaluation.size_bins.Averaging`.
        positives: (B,) annotations that recall is a share of.

    Returns:
        From (B, P) hits and totals to (B,) AP.

    Example:
        >>> average = mean_precision("area", np.array([2]))
        >>> average(np.array([[1, 2]]), np.array([[1, 4]])).tolist()  # (1 + 0.5) / 2
        [0.75]
    """
    if curve in LEVELS:
        recalls = LEVELS[curve]
        return partial(_interpolated, levels=_levels(positives, recalls), count=len(recalls))
    return partial(_area, positives=positives)


def _area(hits: Counts, total: Counts, positives: Counts) -> Floats:
    """(B,) area under the envelope of precision over recall.

    Source: ``VOCap.m`` of PASCAL VOC's development kit.
    """
    gained = np.diff(hits, axis=1, prepend=0)
    area = np.einsum("bp,bp->b", _envelope(hits, total), gained)
    return area / np.maximum(positives, 1)


def _envelope(hits: Counts, total: Counts) -> Floats:
    """(B, P) the best precision from each point on."""
    precision = hits / np.maximum(total, 1)
    backwards = precision[:, ::-1]
    best = np.maximum.accumulate(backwards, axis=1)
    return best[:, ::-1]


def _levels(positives: Counts, recalls: Floats) -> NDArray[np.uint8]:
    """(B, N + 1) how many of the recall levels are reached by 0, 1, ... N true positives.

    Decided as in COCO's code.

    Args:
        positives: (B,) annotations that count, N at most.
        recalls: The levels, evenly from 0 to 1.
    """
    most = int(positives.max())
    count = np.arange(most + 1)
    possible = np.maximum(positives, 1)
    per_replicate = possible[:, None]
    last = len(recalls) - 1
    # Whole numbers find the level; floating point, as in the reference, says whether it is reached.
    reachable = count * last
    level = reachable // per_replicate
    level = level.clip(max=last)
    recall = count / per_replicate
    expected = recalls[level]
    is_reached = recall >= expected
    levels = level + is_reached
    return levels.astype(np.uint8)


def _interpolated(hits: Counts, total: Counts, levels: NDArray[np.uint8], count: int) -> Floats:
    """(B,) mean over the recall levels of the best precision at that recall or above.

    Args:
        hits: (B, P) true positives down to each of them.
        total: (B, P) detections down to each of them.
        levels: (B, N + 1) recall levels reached by so many true positives.
        count: How many levels there are.
    """
    envelope = _envelope(hits, total)
    replicates, row_length = levels.shape
    rows = np.arange(replicates)
    starts = rows * row_length
    places = hits + starts[:, None]
    reached = levels.take(places)
    # From levels reached so far to levels that each true positive is the first to reach.
    so_far = reached[:, :-1]
    so_far = so_far.copy()
    behind = reached[:, 1:]
    behind -= so_far
    total_precision = np.einsum(
        "be,be->b",
        envelope,
        reached,
    )
    return total_precision / count
