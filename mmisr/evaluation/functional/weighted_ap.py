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
from mmisr.evaluation.functional.curves import mean_precision
from mmisr.evaluation.functional.matching import COCO, ClassMatches
from mmisr.evaluation.functional.matching_rules import IGNORED, TRUE
from mmisr.evaluation.functional.overlaps import Bools
from mmisr.evaluation.size_bins import Averaging, Protocol

CHUNK = 500_000
"""Numbers in an intermediate array: more would leave the processor's cache, fewer cost calls."""


@dataclass(frozen=True)
class WeightedFigures:
    """The figures of one range of areas, one entry per replicate.

    NaN where a replicate holds no annotation.

    Args:
        ap: (B,) AP, mean over the protocol's IoU thresholds (COCO's: 0.50:0.05:0.95).
        ap50: (B,) AP at IoU 0.50.
        ap75: (B,) AP at IoU 0.75; NaN where the protocol has none.
        ar: (B,) recall, mean over the thresholds.
        ap25: (B,) AP at IoU 0.25; NaN where the protocol has none.
    """

    ap: Floats
    ap50: Floats
    ap75: Floats
    ar: Floats
    ap25: Floats


@dataclass(frozen=True)
class _Threshold:
    """What one IoU threshold adds to a range.

    Args:
        true: (K,) images of the true positives, best score first.
        found: (P,) how many of them stand up to each point of the curve.
        counted: (P,) how many detections of the range's own size do.
        wrong: Images of the detections that a count by size alone gets wrong.
        sign: 1 for a true positive of another size, -1 for a match that is ignored.
        corrected: (P,) how many of the wrong ones stand up to each point.
    """

    true: Ints
    found: Ints
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
    rules: Protocol = COCO,
) -> dict[str, WeightedFigures]:
    """COCO's figures for every replicate, without matching again.

    An image of weight w counts as w copies of it. Copies of a true positive stand side by side in
    the order of scores, and precision rises along them; so the envelope is the same as if they were
    listed one by one, and it is enough to look at each true positive once. With all weights 1 the
    figures are those of :func:`size_binned_ap`. A curve that is sampled at levels of the score is
    looked at there.

    Args:
        classes: Matches by class, see :func:`match_classes`.
        ranges: Names of the ranges that were matched, in their order.
        weights: (B, I) how often each image counts in each replicate, whole numbers.
        on_part: Called with a number of replicates when they are done for one class and range, for
            a progress bar.
        rules: How the classes were matched, and how their curves are averaged.

    Returns:
        Figures by name of the range.

    Raises:
        ValueError: ``weights`` is for another number of images.
    """
    precision, recall, shares = class_figures(classes, len(ranges), weights, on_part, rules)
    figures = {}
    for r, name in enumerate(ranges):
        ap = precision[r]
        ar = recall[r]
        weight = shares[r]
        figures[name] = WeightedFigures(
            ap=over_classes(ap.mean(0), weight),
            ap50=_at(0.5, ap, weight, rules),
            ap75=_at(0.75, ap, weight, rules),
            ar=over_classes(ar.mean(0), weight),
            ap25=_at(0.25, ap, weight, rules),
        )
    return figures


def _at(iou: float, ap: Floats, shares: Floats, rules: Protocol) -> Floats:
    """(B,) AP at one threshold; NaN where the protocol does not have it."""
    place = iou_index(rules, iou)
    if place is None:
        return np.full(ap.shape[-1], np.nan)
    return over_classes(ap[place], shares)


def iou_index(rules: Protocol, iou: float) -> int | None:
    """Which of a protocol's thresholds an IoU is, None for none of them."""
    is_it = np.isclose(rules.matching.ious, iou)
    return int(is_it.argmax()) if is_it.any() else None


def class_figures(
    classes: Sequence[ClassMatches],
    num_ranges: int,
    weights: Ints,
    on_part: Callable[[int], Any] | None = None,
    rules: Protocol = COCO,
) -> tuple[Floats, Floats, Floats]:
    """AP and recall of every class, for every replicate.

    Args:
        classes: Matches by class.
        num_ranges: R ranges that were matched.
        weights: (B, I), as for :func:`weighted_ap`.
        on_part: As there.
        rules: As there.

    Returns:
        (R, T, C, B) AP and recall, NaN where a replicate has no annotation; (R, C, B) what each
        class weighs in a mean.

    Raises:
        ValueError: ``weights`` is for another number of images.
    """
    _check(classes, weights)
    averaging = rules.averaging
    num_classes = len(classes)
    replicates = len(weights)
    shape = (num_ranges, len(rules.matching.ious), num_classes, replicates)
    precision = np.full(shape, np.nan)
    recall = np.full(shape, np.nan)
    shares = np.ones((num_ranges, num_classes, replicates))
    drawn = np.ascontiguousarray(weights, dtype=np.int32)
    for c, r in np.ndindex(num_classes, num_ranges):
        plan = _plan(classes[c], r)
        for chunk in _chunks(replicates, len(plan.counted)):
            ap, final_recall = _range_figures(plan, drawn[chunk], averaging)
            precision[r, :, c, chunk] = ap
            recall[r, :, c, chunk] = final_recall
        if averaging.classes == "images":
            has_any = plan.positives > 0
            shares[r, c] = drawn @ has_any
        if on_part is not None:
            on_part(replicates)
    return precision, recall, shares


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


def over_classes(values: Floats, shares: Floats) -> Floats:
    """Mean over the classes that a replicate has annotations of.

    Args:
        values: (C, B), NaN where a replicate has no annotation of a class.
        shares: (C, B) what each class weighs.

    Returns:
        (B,).
    """
    is_none = np.isnan(values)
    weight = np.where(is_none, 0.0, shares)
    filled = np.where(is_none, 0.0, values)
    weighted = filled * weight
    total = weighted.sum(0)
    count = weight.sum(0)
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
    # How many detections stand up to each point of the curve.
    points = true + 1 if matches.samples is None else matches.samples
    return _Threshold(
        true=matches.image[true],
        found=np.searchsorted(true, points),
        counted=np.searchsorted(counted, points),
        wrong=matches.image[wrong],
        sign=sign.astype(np.int32),
        corrected=np.searchsorted(wrong, points),
    )


def _range_figures(
    plan: _RangePlan, weights: NDArray[np.int32], averaging: Averaging
) -> tuple[Floats, Floats]:
    """AP and final recall, (T, B) each, of one class and range.

    NaN where a replicate has no positive.
    """
    shape = (len(plan.thresholds), len(weights))
    ap = np.zeros(shape)
    recall = np.zeros(shape)
    positives = weights @ plan.positives
    if positives.any():
        before = _running(weights, plan.counted)
        average = mean_precision(averaging.curve, positives)
        possible = np.maximum(positives, 1)
        for t, threshold in enumerate(plan.thresholds):
            if not len(threshold.true):
                continue
            hits, total = _hits_and_total(threshold, weights, before)
            ap[t] = average(hits, total)
            found = weights.take(threshold.true, axis=1)
            recall[t] = found.sum(1) / possible
    is_none = positives == 0
    ap[:, is_none] = np.nan
    recall[:, is_none] = np.nan
    return ap, recall


def _hits_and_total(
    threshold: _Threshold, weights: NDArray[np.int32], before: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(B, P) true positives, and all detections that count, down to each point of the curve.

    Args:
        threshold: One IoU threshold.
        weights: (B, I) how often each image counts.
        before: (B, N + 1) running sums of the detections of the range's own size.
    """
    found = _running(weights, threshold.true)
    hits = found.take(threshold.found, axis=1)
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
