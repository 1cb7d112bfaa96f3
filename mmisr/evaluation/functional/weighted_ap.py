"""AP and AR of a data set whose images count any number of times: what a bootstrap asks for.

The second half of the AP engine that :mod:`mmisr.evaluation.functional.matching` begins. Why there
are two engines, and what holds them equal: docs/concepts/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats, Ints
from mmisr.evaluation.functional.matching import IGNORED, IOUS, TRUE, Bools, ClassMatches
from mmisr.evaluation.functional.size_binned_ap import IOU_50, IOU_75, NUM_RECALLS

RECALLS = np.linspace(0.0, 1.0, NUM_RECALLS)
CHUNK = 500_000
"""Numbers in an intermediate array: more would leave the processor's cache, fewer cost calls."""


@dataclass(frozen=True)
class WeightedFigures:
    """The figures of one range of areas, one entry per replicate.

    NaN where a replicate holds no annotation.

    Args:
        ap: (B,) AP at IoU 0.50:0.05:0.95.
        ap50: (B,) AP at IoU 0.50.
        ap75: (B,) AP at IoU 0.75.
        ar: (B,) recall at IoU 0.50:0.05:0.95.
    """

    ap: Floats
    ap50: Floats
    ap75: Floats
    ar: Floats


@dataclass(frozen=True)
class _Threshold:
    """What one IoU threshold adds to a range.

    Args:
        true: (K,) images of the true positives, best score first.
        counted: (K,) how many detections of the range's own size stand up to each of them, itself
            included.
        wrong: Images of the detections that a count by size alone gets wrong.
        sign: 1 for a true positive of another size, -1 for a match that is ignored.
        corrected: (K,) how many of the wrong ones stand up to each true positive.
    """

    true: Ints
    counted: Ints
    wrong: Ints
    sign: NDArray[np.int32]
    corrected: Ints


@dataclass(frozen=True)
class _RangePlan:
    """What is the same in every replicate, of one class and one range of areas.

    Args:
        positives: (I,) annotations that count.
        counted: (N,) images of the detections whose own size lies in the range, best score first.
        thresholds: One entry per IoU threshold.
    """

    positives: NDArray[np.int32]
    counted: Ints
    thresholds: list[_Threshold]


def weighted_ap(
    classes: Sequence[ClassMatches],
    ranges: Sequence[str],
    weights: Ints,
    on_part: Callable[[int], Any] | None = None,
) -> dict[str, WeightedFigures]:
    """COCO's figures for every replicate, without matching again.

    An image of weight w counts as w copies of it. Copies of a true positive stand side by side in
    the order of scores, and precision rises along them; so the envelope is the same as if they were
    listed one by one, and it is enough to look at each true positive once. With all weights 1 the
    figures are those of :func:`size_binned_ap`.

    Args:
        classes: Matches by class, see :func:`match_classes`.
        ranges: Names of the ranges that were matched, in their order.
        weights: (B, I) how often each image counts in each replicate, whole numbers.
        on_part: Called with a number of replicates when they are done for one class and range, for
            a progress bar.

    Returns:
        Figures by name of the range.

    Raises:
        ValueError: ``weights`` is for another number of images.
    """
    _check(classes, weights)
    shape = (len(ranges), len(IOUS), len(classes), len(weights))
    precision = np.full(shape, np.nan)
    recall = np.full(shape, np.nan)
    drawn = np.ascontiguousarray(weights, dtype=np.int32)
    for c, r in np.ndindex(len(classes), len(ranges)):
        plan = _plan(classes[c], r)
        for chunk in _chunks(len(weights), len(plan.counted)):
            ap, final_recall = _range_figures(plan, drawn[chunk])
            precision[r, :, c, chunk] = ap
            recall[r, :, c, chunk] = final_recall
        if on_part is not None:
            on_part(len(weights))
    figures = {}
    for r, name in enumerate(ranges):
        figures[name] = _figures(precision[r], recall[r])
    return figures


def _figures(precision: Floats, recall: Floats) -> WeightedFigures:
    """The figures of one range, from (T, C, B) AP and recall."""
    return WeightedFigures(
        ap=_over_classes(precision.mean(0)),
        ap50=_over_classes(precision[IOU_50]),
        ap75=_over_classes(precision[IOU_75]),
        ar=_over_classes(recall.mean(0)),
    )


def _chunks(replicates: int, detections: int) -> Iterator[slice]:
    """Replicates that are looked at together."""
    step = max(1, CHUNK // max(1, detections))
    for start in range(0, replicates, step):
        yield slice(start, start + step)


def _check(classes: Sequence[ClassMatches], weights: Ints) -> None:
    images = {matches.positives.shape[1] for matches in classes}
    if weights.ndim != 2 or not images <= {weights.shape[1]}:
        raise ValueError(
            f"weights must be (replicates, {max(images, default=0)} images), got {weights.shape}"
        )


def _over_classes(values: Floats) -> Floats:
    """Mean over the classes that a replicate has annotations of; (C, B) to (B,)."""
    known = ~np.isnan(values)
    count = known.sum(0)
    filled = np.where(known, values, 0.0)
    total = filled.sum(0)
    means = np.full_like(total, np.nan)
    is_known = count > 0
    return np.divide(total, count, out=means, where=is_known)


def _plan(matches: ClassMatches, r: int) -> _RangePlan:
    """Sort out, once, which detections are looked at."""
    is_inside = matches.inside[r]
    counted = np.flatnonzero(is_inside)
    near_inside = is_inside[matches.near]
    thresholds = []
    for status in matches.status[:, r]:
        threshold = _threshold(matches, status, counted, near_inside)
        thresholds.append(threshold)
    return _RangePlan(
        positives=matches.positives[r].astype(np.int32),
        counted=matches.image[counted],
        thresholds=thresholds,
    )


def _threshold(
    matches: ClassMatches, status: NDArray[np.int8], counted: Ints, near_inside: Bools
) -> _Threshold:
    """What one IoU threshold adds.

    Args:
        matches: The matches of the class.
        status: (M,) what became of the detections that are near an annotation.
        counted: (N,) detections whose own size lies in the range.
        near_inside: (M,) which of those near are among them.
    """
    is_true = status == TRUE
    true = matches.near[is_true]
    # Precision counts detections of the range's own size. A true positive of another size counts
    # too, and one of this size whose match is ignored does not.
    added = is_true & ~near_inside
    removed = (status == IGNORED) & near_inside
    is_wrong = added | removed
    wrong = matches.near[is_wrong]
    sign = np.where(added[is_wrong], 1, -1)
    return _Threshold(
        true=matches.image[true],
        counted=np.searchsorted(counted, true, side="right"),
        wrong=matches.image[wrong],
        sign=sign.astype(np.int32),
        corrected=np.searchsorted(wrong, true, side="right"),
    )


def _range_figures(plan: _RangePlan, weights: NDArray[np.int32]) -> tuple[Floats, Floats]:
    """AP and final recall, (T, B) each, of one class and range.

    NaN where a replicate has no positive.
    """
    shape = (len(IOUS), len(weights))
    ap = np.zeros(shape)
    recall = np.zeros(shape)
    positives = weights @ plan.positives
    if positives.any():
        before = _running(weights, plan.counted)
        levels = _levels(positives)
        possible = np.maximum(positives, 1)
        for t, threshold in enumerate(plan.thresholds):
            if not len(threshold.true):
                continue
            hits, total = _hits_and_total(threshold, weights, before)
            found = hits[:, -1]
            ap[t] = _interpolated(hits, total, levels)
            recall[t] = found / possible
    is_none = positives == 0
    ap[:, is_none] = np.nan
    recall[:, is_none] = np.nan
    return ap, recall


def _hits_and_total(
    threshold: _Threshold, weights: NDArray[np.int32], before: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(B, K) true positives, and all detections that count, down to each true positive.

    Args:
        threshold: One IoU threshold.
        weights: (B, I) how often each image counts.
        before: (B, N + 1) running sums of the detections of the range's own size.
    """
    each = weights.take(threshold.true, axis=1)
    hits = each.cumsum(axis=1, dtype=np.int32)
    total = before.take(threshold.counted, axis=1)
    wrong = threshold.wrong
    if len(wrong):
        correction = _running(weights, wrong, threshold.sign)
        total += correction.take(threshold.corrected, axis=1)
    return hits, total


def _running(
    weights: NDArray[np.int32], image: Ints, sign: NDArray[np.int32] | None = None
) -> NDArray[np.int32]:
    """(B, n + 1) running sums of the detections' weights, from 0."""
    each = weights.take(image, axis=1)
    if sign is not None:
        each *= sign
    replicates, detections = each.shape
    sums = np.zeros((replicates, detections + 1), dtype=np.int32)
    behind = sums[:, 1:]
    np.cumsum(each, axis=1, dtype=np.int32, out=behind)
    return sums


def _levels(positives: NDArray[np.int32]) -> NDArray[np.uint8]:
    """(B, P + 1) how many of the 101 recall levels are reached by 0, 1, ... P true positives.

    Decided as in COCO's code.

    Args:
        positives: (B,) annotations that count, P at most.
    """
    most = int(positives.max())
    count = np.arange(most + 1)
    per_replicate = np.maximum(positives, 1)
    per_replicate = per_replicate[:, None]
    last = NUM_RECALLS - 1
    # Whole numbers find the level; floating point, as in the reference, says whether it is reached.
    level = count * last // per_replicate
    level = np.minimum(level, last)
    recall = count / per_replicate
    is_reached = recall >= RECALLS[level]
    levels = level + is_reached
    return levels.astype(np.uint8)


def _interpolated(
    hits: NDArray[np.int32], total: NDArray[np.int32], levels: NDArray[np.uint8]
) -> Floats:
    """(B,) mean over the recall levels of the best precision at that recall or above.

    Args:
        hits: (B, K) true positives down to each of them.
        total: (B, K) detections down to each of them.
        levels: (B, P + 1) recall levels reached by so many true positives.
    """
    precision = hits / np.maximum(total, 1)
    backwards = precision[:, ::-1]
    best = np.maximum.accumulate(backwards, axis=1)
    envelope = best[:, ::-1]
    replicates, row_length = levels.shape
    starts = np.arange(replicates) * row_length
    reached = levels.take(hits + starts[:, None])
    # From levels reached so far to levels that each true positive is the first to reach.
    so_far = reached[:, :-1].copy()
    reached[:, 1:] -= so_far
    total_precision = np.einsum("be,be->b", envelope, reached)
    return total_precision / NUM_RECALLS
