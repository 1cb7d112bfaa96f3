"""Which detection found what, once for every image: the first half of the AP engine of a bootstrap.

:mod:`mmisr.evaluation.functional.weighted_ap` is the second half, which counts AP again for every
replicate without matching anew. Why there are two engines, and what holds them equal:
docs/concepts/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import (
    Floats,
    ImageRecord,
    Ints,
    check_labels,
    in_order,
)
from mmisr.ops.boxes import area, widths_heights

IOUS = np.linspace(0.5, 0.95, 10)
"""COCO's thresholds."""

UNMATCHED, TRUE, IGNORED = 0, 1, 2
"""What became of a detection: it overlaps nothing enough, it found an annotation that counts, or
one that does not."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class ClassMatches:
    """The detections of one class over a data set, best score first, and what became of each.

    Convention: T thresholds, R ranges of area, I images (in :func:`in_order`), N detections under
    the cap, M of them that overlap an annotation of the class at the lowest threshold; all others
    are unmatched everywhere.

    Args:
        image: (N,) index of the image.
        score: (N,) scores, falling.
        inside: (R, N) whether a detection's own area lies in the range.
        near: (M,) indices of the detections that overlap an annotation, rising.
        status: (T, R, M) UNMATCHED, TRUE or IGNORED.
        positives: (R, I) annotations that count.
    """

    image: Ints
    score: Floats
    inside: Bools
    near: Ints
    status: NDArray[np.int8]
    positives: Ints


def match_classes(
    records: Sequence[ImageRecord],
    num_classes: int,
    ranges: Mapping[str, tuple[float, float]],
    max_dets: int,
) -> list[ClassMatches]:
    """Match every detection at every IoU threshold and in every range of areas.

    Source: ``COCOeval.evaluateImg`` of pycocotools, rule for rule: detections by falling score,
    each takes the free annotation of its class with the highest IoU, those that count before those
    that do not; crowds may be taken again, and overlap is measured on the detection's own area
    there; what matched nothing counts only inside the range.

    Args:
        records: One per image, in any order.
        num_classes: Number of classes; labels are below it.
        ranges: Area ranges in px^2 by name; both ends belong to them.
        max_dets: Detections per image and class that count.

    Returns:
        One entry per class.

    Raises:
        ValueError: A label names no class.
    """
    records = in_order(records)
    for record in records:
        check_labels(record, num_classes)
    limits = np.array([*ranges.values()], dtype=np.float64)
    matches = []
    for label in range(num_classes):
        of_class = _match_class(records, label, limits, max_dets)
        matches.append(of_class)
    return matches


def _no_numbers() -> list[Ints]:
    return [np.zeros(0, dtype=np.int64)]


def _no_values() -> list[Floats]:
    return [np.zeros(0)]


@dataclass
class _Columns:
    """What the images contribute to one class, image by image.

    The first entry of a column is empty, so that a class without detections has columns too.

    Args:
        status: (T, R, M) what became of detections that overlap an annotation.
        near: (M,) their ranks among all detections of the class.
        image: (N,) index of the image of every detection.
        score: (N,) its score.
        area: (N,) its area.
        num_detections: N so far.
    """

    status: list[NDArray[np.int8]]
    near: list[Ints] = field(default_factory=_no_numbers)
    image: list[Ints] = field(default_factory=_no_numbers)
    score: list[Floats] = field(default_factory=_no_values)
    area: list[Floats] = field(default_factory=_no_values)
    num_detections: int = 0

    def add_matches(self, near: Ints, status: NDArray[np.int8]) -> None:
        """Of the next image: (M,) which detections are near, and their (T, R, M) status."""
        self.near.append(near + self.num_detections)
        self.status.append(status)

    def add_detections(self, index: int, record: ImageRecord, detections: Ints) -> None:
        """Of the same image: all detections of the class."""
        self.image.append(np.full(len(detections), index))
        self.score.append(record.det_scores[detections])
        self.area.append(record.det_areas[detections])
        self.num_detections += len(detections)


def _match_class(
    records: Sequence[ImageRecord], label: int, limits: Floats, max_dets: int
) -> ClassMatches:
    no_status = np.zeros((len(IOUS), len(limits), 0), dtype=np.int8)
    columns = _Columns(status=[no_status])
    positives = np.zeros((len(limits), len(records)), dtype=np.int64)
    for index, record in enumerate(records):
        truths = np.flatnonzero(record.gt_labels == label)
        detections = best_of_class(record, label, max_dets)
        if len(truths):
            ignore = _ignored(record, truths, limits)
            positives[:, index] = (~ignore).sum(1)
        if not len(detections):
            continue
        if len(truths):
            near, owner = match_boxes(record, truths, detections, ignore)
            status = status_of(owner, ignore)
            columns.add_matches(near, status)
        columns.add_detections(index, record, detections)
    return _by_score(columns, limits, positives)


def _ignored(record: ImageRecord, truths: Ints, limits: Floats) -> Bools:
    """(R, G) annotations that do not count in a range: regions to ignore, and other sizes."""
    in_range = inside(record.gt_areas[truths], limits)
    return ~in_range | record.gt_ignore[truths]


def best_of_class(record: ImageRecord, label: int, max_dets: int) -> Ints:
    """Indices of an image's detections of one class that count, best score first.

    Args:
        record: The image.
        label: The class.
        max_dets: Detections that count at most.

    Returns:
        (D,) indices; equal scores stay in the order of the record.
    """
    detections = np.flatnonzero(record.det_labels == label)
    falling = -record.det_scores[detections]
    order = np.argsort(falling, kind="stable")
    return detections[order[:max_dets]]


def match_boxes(
    record: ImageRecord, truths: Ints, detections: Ints, ignore: Bools
) -> tuple[Ints, Ints]:
    """Match detections and annotations of one image and class at every threshold.

    Args:
        record: The image.
        truths: (G,) indices of the annotations.
        detections: (D,) indices of the detections, best score first.
        ignore: (R, G) annotations that do not count in a range.

    Returns:
        (M,) which of the detections overlap an annotation at the lowest threshold, and (T, R, M)
        which annotation each of these takes, -1 for none.
    """
    crowd = record.gt_ignore[truths]
    ious = overlaps(record, detections, truths)
    near = np.flatnonzero((ious >= IOUS[0]).any(1))
    return near, assign(ious[near], ignore, crowd)


def overlaps(record: ImageRecord, detections: Ints, truths: Ints) -> Floats:
    """(D, G) IoU that matching goes by: of boxes, or the record's own, of masks."""
    if record.ious is not None:
        return record.ious[np.ix_(detections, truths)]
    return box_ious(record.det_xyxy[detections], record.gt_xyxy[truths], record.gt_ignore[truths])


def _by_score(columns: _Columns, limits: Floats, positives: Ints) -> ClassMatches:
    """Bring the detections of all images into one order.

    Equal scores stay in the order of the images.
    """
    image = np.concatenate(columns.image)
    score = np.concatenate(columns.score)
    size = np.concatenate(columns.area)
    near = np.concatenate(columns.near)
    status = np.concatenate(columns.status, axis=2)
    order = np.argsort(-score, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    near = rank[near]
    by_rank = np.argsort(near)
    status = status[..., by_rank]
    return ClassMatches(
        image=image[order],
        score=score[order],
        inside=inside(size[order], limits),
        near=near[by_rank],
        status=np.ascontiguousarray(status),
        positives=positives,
    )


def inside(areas: Floats, limits: Floats) -> Bools:
    """Which areas lie in which ranges; both ends belong to a range.

    Args:
        areas: (N,) areas.
        limits: (R, 2) ranges.

    Returns:
        (R, N).

    Example:
        >>> inside(np.array([4.0, 9.0]), np.array([[0.0, 4.0], [4.0, 9.0]])).tolist()
        [[True, False], [True, True]]
    """
    return (areas >= limits[:, :1]) & (areas <= limits[:, 1:])


def box_ious(det_xyxy: Floats, gt_xyxy: Floats, crowd: Bools | None = None) -> Floats:
    """Intersection over union, in the very operations of COCO's code.

    At IoU 0.5 exactly, the last bit decides.

    Args:
        det_xyxy: (D, 4).
        gt_xyxy: (G, 4).
        crowd: (G,) where the overlap is measured on the detection's own area; None for nowhere.

    Returns:
        (D, G).

    Example:
        >>> box_ious(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0.0, 0.0, 2.0, 4.0]])).tolist()
        [[0.5]]
    """
    det = det_xyxy[:, None]
    gt = gt_xyxy[None]
    det_area = area(det)
    gt_area = area(gt)
    intersection = _intersection(det, gt)
    both_areas = det_area + gt_area
    union = both_areas - intersection
    if crowd is not None:
        union = np.where(crowd, det_area, union)
    overlaps = intersection > 0
    ious = np.zeros_like(intersection)
    return np.divide(intersection, union, out=ious, where=overlaps)


def _intersection(det: Floats, gt: Floats) -> Floats:
    """(D, G) area that (D, 1, 4) and (1, G, 4) boxes have in common."""
    # Corner plus size, not the far corner itself: COCO stores sizes, and rounds as they do.
    end = np.minimum(widths_heights(det) + det[..., :2], widths_heights(gt) + gt[..., :2])
    wh = end - np.maximum(det[..., :2], gt[..., :2])
    return np.where((wh > 0).all(-1), wh[..., 0] * wh[..., 1], 0.0)


def assign(ious: Floats, ignore: Bools, crowd: Bools) -> Ints:
    """Give annotations to the detections of one image and class, best score first.

    Args:
        ious: (D, G), rows by falling score, of detections that overlap something at the lowest
            threshold.
        ignore: (R, G) annotations that do not count in a range.
        crowd: (G,) annotations that can be taken again.

    Returns:
        (T, R, D) index of the annotation that every detection takes, -1 for none.
    """
    enough = np.minimum(IOUS, 1 - 1e-10)
    fits = ious >= enough[:, None, None]
    free = np.ones((len(IOUS), *ignore.shape), dtype=bool)
    owner = np.full((len(IOUS), len(ignore), len(ious)), -1, dtype=np.int64)
    # Those that count come before all others, whatever their overlap; a power of two leaves its
    # bits alone.
    precedence = np.where(ignore, 2.0**-60, 1.0)
    for d, candidates in enumerate(_candidates(fits[0])):
        # One annotation to choose from is the rule where objects stand apart, and needs no rank.
        if len(candidates) == 1:
            only = candidates[0]
            taken = _take_only(only, fits[:, d], free, crowd)
            owner[..., d] = np.where(taken, only, -1)
            continue
        rank = ious[d, candidates] * precedence[:, candidates]
        owner[..., d] = _take_best(candidates, rank, fits[:, d], free, crowd)
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
