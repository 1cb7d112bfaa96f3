"""AP and AR of a data set whose images count any number of times.

What a bootstrap asks for a thousand times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats, Ints
from mmisr.evaluation.functional.matching import IGNORED, IOUS, TRUE, ClassMatches
from mmisr.evaluation.functional.size_binned_ap import IOU_50, IOU_75, NUM_RECALLS

RECALLS = np.linspace(0.0, 1.0, NUM_RECALLS)
CHUNK = 500_000
"""Numbers in an intermediate array.

More would leave the processor's cache, fewer would cost calls.
"""


@dataclass(frozen=True)
class WeightedFigures:
    """The figures of one range of areas, one entry a replicate.

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
class _Range:
    """What is the same in every replicate, of one class and one range of areas.

    Args:
        positives: (I,) annotations that count.
        counted: (N,) images of the detections whose own size lies in the range, best score first.
        thresholds: One entry an IoU threshold.
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
    precision = np.full((len(ranges), len(IOUS), len(classes), len(weights)), np.nan)
    recall = np.full_like(precision, np.nan)
    drawn = np.ascontiguousarray(weights, dtype=np.int32)
    for c, r in np.ndindex(len(classes), len(ranges)):
        plan = _plan(classes[c], r)
        step = max(1, CHUNK // max(1, len(plan.counted)))
        for start in range(0, len(weights), step):
            part = slice(start, start + step)
            precision[r, :, c, part], recall[r, :, c, part] = _range_figures(plan, drawn[part])
        if on_part is not None:
            on_part(len(weights))
    return {
        name: WeightedFigures(
            ap=_over_classes(precision[r].mean(0)),
            ap50=_over_classes(precision[r, IOU_50]),
            ap75=_over_classes(precision[r, IOU_75]),
            ar=_over_classes(recall[r].mean(0)),
        )
        for r, name in enumerate(ranges)
    }


def _check(classes: Sequence[ClassMatches], weights: Ints) -> None:
    images = {m.positives.shape[1] for m in classes}
    if weights.ndim != 2 or images - {weights.shape[1]}:
        raise ValueError(
            f"weights must be (replicates, {max(images, default=0)} images), got {weights.shape}"
        )


def _over_classes(values: Floats) -> Floats:
    """Mean over the classes that a replicate has annotations of; (C, B) to (B,)."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(0)
    return np.divide(total, known.sum(0), out=np.full(values.shape[1], np.nan), where=known.any(0))


def _plan(matches: ClassMatches, r: int) -> _Range:
    """Sort out, once, which detections are looked at."""
    counted = np.flatnonzero(matches.inside[r])
    near_inside = matches.inside[r][matches.near]
    thresholds = []
    for status in matches.status[:, r]:
        true = matches.near[status == TRUE]
        added = (status == TRUE) & ~near_inside
        wrong = added | ((status == IGNORED) & near_inside)
        at = matches.near[wrong]
        thresholds.append(
            _Threshold(
                true=matches.image[true],
                counted=np.searchsorted(counted, true, side="right"),
                wrong=matches.image[at],
                sign=np.where(added[wrong], 1, -1).astype(np.int32),
                corrected=np.searchsorted(at, true, side="right"),
            )
        )
    return _Range(matches.positives[r].astype(np.int32), matches.image[counted], thresholds)


def _range_figures(plan: _Range, weights: NDArray[np.int32]) -> tuple[Floats, Floats]:
    """AP and final recall, (T, B) each, of one class and range.

    NaN where a replicate has no positive.
    """
    positives = weights @ plan.positives
    ap, recall = np.zeros((len(IOUS), len(weights))), np.zeros((len(IOUS), len(weights)))
    if positives.any():
        before, levels = _running(weights, plan.counted), _levels(positives)
        for t, at in enumerate(plan.thresholds):
            if not len(at.true):
                continue
            hits = np.cumsum(np.take(weights, at.true, axis=1), axis=1, dtype=np.int32)
            total = np.take(before, at.counted, axis=1)
            if len(at.wrong):
                total += np.take(_running(weights, at.wrong, at.sign), at.corrected, axis=1)
            ap[t] = _interpolated(hits, total, levels)
            recall[t] = hits[:, -1] / np.maximum(positives, 1)
    none = positives == 0
    ap[:, none] = recall[:, none] = np.nan
    return ap, recall


def _running(
    weights: NDArray[np.int32], image: Ints, sign: NDArray[np.int32] | None = None
) -> NDArray[np.int32]:
    """(B, n + 1) running sums of the detections' weights, from 0."""
    sums = np.zeros((len(weights), len(image) + 1), dtype=np.int32)
    each = np.take(weights, image, axis=1)
    if sign is not None:
        each *= sign
    np.cumsum(each, axis=1, dtype=np.int32, out=sums[:, 1:])
    return sums


def _levels(positives: NDArray[np.int32]) -> NDArray[np.uint8]:
    """(B, P + 1) how many of the 101 recall levels are reached by 0, 1, .

    P true positives, decided as in COCO's code.
    """
    most = int(positives.max())
    count = np.arange(most + 1)[None]
    of = np.maximum(positives, 1)[:, None]
    level = np.minimum(count * (NUM_RECALLS - 1) // of, NUM_RECALLS - 1)
    # Whole numbers find the level; floating point, as in the reference, says whether it is reached.
    return (level + (count / of >= RECALLS[level])).astype(np.uint8)


def _interpolated(
    hits: NDArray[np.int32], total: NDArray[np.int32], levels: NDArray[np.uint8]
) -> Floats:
    """Mean over the recall levels of the best precision at that recall or above, (B,)."""
    precision = hits / np.maximum(total, 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(len(hits))[:, None] * levels.shape[1]
    reached = np.take(levels, hits + rows)
    reached[:, 1:] -= reached[:, :-1].copy()
    return np.einsum("be,be->b", envelope, reached) / NUM_RECALLS
