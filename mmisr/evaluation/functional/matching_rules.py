"""How the detections and annotations of one image and class meet, by each rule of a protocol.

Convention: T thresholds, R ranges, G annotations, D detections by falling score.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats, ImageRecord, Ints
from mmisr.evaluation.functional.overlaps import Bools, box_ious, own_shares, pixel_ious
from mmisr.evaluation.size_bins import COCO_IOUS, Matching

UNMATCHED, TRUE, IGNORED = 0, 1, 2
"""What became of a detection: it overlaps nothing enough, it found an annotation that counts, or
one that does not."""

Status = NDArray[np.int8]

IOUS = np.array(COCO_IOUS)
"""COCO's thresholds."""


class Matched(NamedTuple):
    """How the detections of one image and class met the annotations."""

    near: Ints
    """(M,) which of the detections overlap an annotation at the lowest threshold."""

    status: Status
    """(T, R, M) what became of these."""

    owner: Ints
    """(T, R, M) which annotation each found, or was ignored for; -1 for none."""


def match_by_rule(
    record: ImageRecord, truths: Ints, detections: Ints, ignore: Bools, matching: Matching
) -> Matched:
    """Match detections and annotations of one image and class at every threshold.

    Args:
        record: The image.
        truths: (G,) indices of the annotations, at least one.
        detections: (D,) indices of the detections, best score first.
        ignore: (R, G) annotations that do not count in a range.
        matching: The rule and its thresholds.

    Returns:
        The matches; annotations are counted as in ``truths``.
    """
    det = record.det_xyxy[detections]
    gt = record.gt_xyxy[truths]
    levels = np.array(matching.ious)
    rule = matching.rule
    if rule == "best":
        measure = pixel_ious if matching.corners == "pixels" else box_ious
        ious = measure(det, gt)
        return _match_best(ious, ignore, levels)
    if rule == "own_area":
        ious = box_ious(det, gt)
        shares = own_shares(det, gt)
        return _match_own_area(ious, shares, ignore, levels)
    crowd = record.gt_ignore[truths]
    if rule == "once":
        crowd = np.zeros_like(crowd)
    if record.ious is None:
        ious = box_ious(det, gt, crowd)
    else:
        of_detections = record.ious[detections]
        ious = of_detections[:, truths]
    near, owner = _match_ious(ious, ignore, crowd, levels)
    status = status_of(owner, ignore)
    return Matched(near, status, owner)


def _match_best(ious: Floats, ignore: Bools, levels: Floats) -> Matched:
    """Every detection goes to what it overlaps most, and the first finds it.

    Source: ``VOCevaldet.m`` of PASCAL VOC's development kit, and ``evaluation.m`` of WIDER FACE's:
    among equal overlaps the first annotation; one that is ignored takes any number of detections.
    """
    near = _reaching(ious, levels)
    ious = ious[near]
    best = ious.argmax(1)
    overlap = ious.max(1)
    least = levels[:, None]
    fits = overlap >= least
    is_first = np.zeros_like(fits)
    for row, fit in zip(is_first, fits, strict=True):
        enough = np.flatnonzero(fit)
        taken = best[enough]
        _, first = np.unique(taken, return_index=True)
        finders = enough[first]
        row[finders] = True
    goes_nowhere = ignore[:, best]
    counts = ~goes_nowhere
    fits = fits[:, None]
    is_first = is_first[:, None]
    is_ignored = fits & goes_nowhere
    is_true = is_first & counts
    status = _status(is_true, is_ignored)
    found_nothing = status == UNMATCHED
    owner = np.where(found_nothing, -1, best)
    return Matched(
        near,
        status,
        owner,
    )


def _match_own_area(ious: Floats, shares: Floats, ignore: Bools, levels: Floats) -> Matched:
    """COCO's rule among what counts; what is left may lie in anything that does not.

    Source: ``COCOeval.evaluateImg`` of TinyBenchmark with ``use_iod_for_ignore``: a detection that
    finds nothing is ignored where enough of its own area is in an annotation that is ignored, or
    of another size. What differs: that code first looks for a free one of these by IoU, which
    never exceeds the share, so that the outcome is the same; and it computes the share from the
    IoU, off by a last bit at times, and wrongly where the annotation is a COCO crowd.

    Args:
        ious: (D, G).
        shares: (D, G) of a detection's own area.
        ignore: (R, G).
        levels: (T,) thresholds.
    """
    # A detection around an annotation has both alike, but for the last bit.
    shares = np.maximum(shares, ious)
    near = _reaching(shares, levels)
    ious = ious[near]
    shares = shares[near]
    overlapping = _reaching(ious, levels)
    candidates = ious[overlapping]
    nothing_again = np.zeros(ignore.shape[1], dtype=bool)
    found = assign(
        candidates,
        ignore,
        nothing_again,
        levels,
        free=~ignore,
    )
    shape = (len(levels), len(ignore), len(near))
    owner = np.full(shape, -1)
    owner[..., overlapping] = found
    is_true = owner >= 0
    of_ignored = np.where(ignore[:, None], shares, 0.0)
    largest = of_ignored.max(-1)
    least = levels[:, None, None]
    is_enough = largest >= least
    is_ignored = is_enough & ~is_true
    status = _status(is_true, is_ignored)
    excuse = of_ignored.argmax(-1)
    taken = np.where(is_ignored, excuse, owner)
    return Matched(near, status, taken)


def _reaching(overlaps: Floats, levels: Floats) -> Ints:
    """Which of (D, G) detections overlap an annotation at the lowest level."""
    is_enough = overlaps >= levels[0]
    return np.flatnonzero(is_enough.any(1))


def _status(is_true: Bools, is_ignored: Bools) -> Status:
    status = np.where(is_true, TRUE, UNMATCHED)
    return np.where(is_ignored, IGNORED, status).astype(np.int8)


def _match_ious(ious: Floats, ignore: Bools, crowd: Bools, levels: Floats) -> tuple[Ints, Ints]:
    """COCO's rule.

    Args:
        ious: (D, G) overlaps of detections, best score first, and annotations.
        ignore: (R, G) annotations that do not count in a range.
        crowd: (G,) annotations that can be taken again, by the detection's own area.
        levels: (T,) thresholds, rising.

    Returns:
        (M,) which of the detections overlap an annotation at the lowest threshold, and (T, R, M)
        which annotation each of these takes, -1 for none.
    """
    near = _reaching(ious, levels)
    owner = assign(ious[near], ignore, crowd, levels)
    return near, owner


def assign(
    ious: Floats,
    ignore: Bools,
    crowd: Bools,
    levels: Floats = IOUS,
    free: Bools | None = None,
) -> Ints:
    """Give annotations to the detections of one image and class, best score first.

    Args:
        ious: (D, G), rows by falling score, of detections that overlap something at the lowest
            threshold.
        ignore: (R, G) annotations that do not count in a range.
        crowd: (G,) annotations that can be taken again.
        levels: (T,) thresholds, rising.
        free: (R, G) annotations that can be taken at all; all by default.

    Returns:
        (T, R, D) index of the annotation that every detection takes, -1 for none.
    """
    enough = np.minimum(levels, 1 - 1e-10)
    fits = ious >= enough[:, None, None]
    if free is None:
        free = np.ones(ignore.shape, dtype=bool)
    free = np.repeat(free[None], len(levels), axis=0)
    shape = (len(levels), len(ignore), len(ious))
    owner = np.full(shape, -1, dtype=np.int64)
    # Those that count come before all others, whatever their overlap; a power of two leaves its
    # bits alone.
    precedence = np.where(ignore, 2.0**-60, 1.0)
    for d, candidates in enumerate(_candidates(fits[0])):
        # One annotation to choose from is the rule where objects stand apart, and needs no rank.
        fits_it = fits[:, d]
        if len(candidates) == 1:
            only = candidates[0]
            taken = _take_only(only, fits_it, free, crowd)
            owner[..., d] = np.where(taken, only, -1)
            continue
        rank = ious[d, candidates] * precedence[:, candidates]
        owner[..., d] = _take_best(candidates, rank, fits_it, free, crowd)
    return owner


def _take_only(candidate: int, fits: Bools, free: Bools, crowd: Bools) -> Bools:
    """Take the only annotation that a detection may have, where it is free.

    Args:
        candidate: Index of the annotation.
        fits: (T, G) whether the overlap is enough.
        free: (T, R, G) annotations that are not taken yet; changed here.
        crowd: (G,) annotations that can be taken again.

    Returns:
        (T, R) where it is taken.
    """
    taken = free[..., candidate] & fits[:, candidate, None]
    if not crowd[candidate]:
        free[..., candidate] &= ~taken
    return taken


def _take_best(candidates: list[int], rank: Floats, fits: Bools, free: Bools, crowd: Bools) -> Ints:
    """Take the best of several annotations that is free.

    Args:
        candidates: K indices.
        rank: (R, K) their order, the highest first.
        fits: (T, G), as in :func:`_take_only`.
        free: (T, R, G), as there.
        crowd: (G,), as there.

    Returns:
        (T, R) index of the annotation that is taken, -1 for none.
    """
    available = free[..., candidates] & fits[:, candidates][:, None]
    value = available * rank
    best = value.argmax(-1)
    taken = value.max(-1) > 0
    chosen = np.asarray(candidates)[best]
    gone = taken & ~crowd[chosen]
    t, r = np.nonzero(gone)
    free[t, r, chosen[t, r]] = False
    return np.where(taken, chosen, -1)


def _candidates(fits: Bools) -> list[list[int]]:
    """For every detection the annotations that it may take, the last first.

    Among equal overlaps COCO's loop keeps the last that it looks at, ``argmax`` keeps the first.

    Args:
        fits: (D, G) whether the overlap is enough at the lowest threshold.
    """
    if not len(fits):
        return []
    rows, columns = np.nonzero(fits)
    numbers = np.arange(1, len(fits))
    starts = np.searchsorted(rows, numbers)
    candidates = []
    for of_detection in np.split(columns, starts):
        backwards = of_detection[::-1]
        candidates.append(backwards.tolist())
    return candidates


def status_of(owner: Ints, ignore: Bools) -> NDArray[np.int8]:
    """What became of every detection.

    Args:
        owner: (T, R, D), see :func:`assign`.
        ignore: (R, G) annotations that do not count in a range; at least one annotation.

    Returns:
        (T, R, D) UNMATCHED, TRUE or IGNORED.
    """
    by_threshold = np.broadcast_to(ignore, (len(owner), *ignore.shape))
    ignored = np.take_along_axis(by_threshold, owner.clip(0), -1)
    matched = np.where(ignored, IGNORED, TRUE)
    return np.where(owner < 0, UNMATCHED, matched).astype(np.int8)
