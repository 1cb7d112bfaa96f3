"""Which detection found what, once for every image.

The records that AP is counted from, and counted again by a bootstrap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import (
    Floats,
    ImageRecord,
    Ints,
    check_labels,
    in_order,
)
from mmisr.ops.boxes import widths_heights

IOUS = np.linspace(0.5, 0.95, 10)
"""COCO's thresholds."""

UNMATCHED, TRUE, IGNORED = 0, 1, 2
"""What became of a detection.

It overlaps nothing enough, it found an annotation that counts, or one that does not.
"""

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
        records: One an image, in any order.
        num_classes: Number of classes.
        ranges: Area ranges in px^2 by name; both ends belong to them.
        max_dets: Detections an image and class that count.

    Returns:
        One entry a class.

    Raises:
        ValueError: A label names no class.
    """
    records = in_order(records)
    for record in records:
        check_labels(record, num_classes)
    limits = np.array(list(ranges.values()), dtype=np.float64)
    return [_match_class(records, label, limits, max_dets) for label in range(num_classes)]


def _match_class(
    records: Sequence[ImageRecord], label: int, limits: Floats, max_dets: int
) -> ClassMatches:
    images: list[Ints] = []
    scores: list[Floats] = []
    areas: list[Floats] = []
    nears: list[Ints] = []
    statuses: list[NDArray[np.int8]] = []
    positives = np.zeros((len(limits), len(records)), dtype=np.int64)
    offset = 0
    for index, r in enumerate(records):
        truth, found = np.flatnonzero(r.gt_labels == label), np.flatnonzero(r.det_labels == label)
        found = found[np.argsort(-r.det_scores[found], kind="stable")[:max_dets]]
        ignore = ~inside(r.gt_areas[truth], limits) | r.gt_ignore[truth]
        positives[:, index] = (~ignore).sum(1)
        if len(truth) and len(found):
            ious = box_ious(r.det_xyxy[found], r.gt_xyxy[truth], r.gt_ignore[truth])
            near = np.flatnonzero((ious >= IOUS[0]).any(1))
            nears.append(near + offset)
            statuses.append(status_of(assign(ious[near], ignore, r.gt_ignore[truth]), ignore))
        images.append(np.full(len(found), index))
        scores.append(r.det_scores[found])
        areas.append(r.det_areas[found])
        offset += len(found)
    return _by_score(images, scores, areas, (nears, statuses), limits, positives)


def _by_score(
    images: list[Ints],
    scores: list[Floats],
    areas: list[Floats],
    matches: tuple[list[Ints], list[NDArray[np.int8]]],
    limits: Floats,
    positives: Ints,
) -> ClassMatches:
    """Bring the detections of all images into one order.

    Equal scores stay in the order of the images.
    """
    score = np.concatenate([np.zeros(0), *scores])
    order = np.argsort(-score, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    near = rank[np.concatenate([np.zeros(0, dtype=np.int64), *matches[0]])]
    status = np.concatenate(
        [np.zeros((len(IOUS), len(limits), 0), dtype=np.int8), *matches[1]], axis=2
    )
    by_rank = np.argsort(near)
    return ClassMatches(
        image=np.concatenate([np.zeros(0, dtype=np.int64), *images])[order],
        score=score[order],
        inside=inside(np.concatenate([np.zeros(0), *areas])[order], limits),
        near=near[by_rank],
        status=np.ascontiguousarray(status[..., by_rank]),
        positives=positives,
    )


def inside(areas: Floats, limits: Floats) -> Bools:
    """Which areas lie in which ranges; both ends belong to a range.

    Args:
        areas: (N,) areas.
        limits: (R, 2) ranges.

    Returns:
        (R, N).
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
    """
    det, gt = det_xyxy[:, None], gt_xyxy[None]
    det_wh, gt_wh = widths_heights(det), widths_heights(gt)
    wh = np.minimum(det_wh + det[..., :2], gt_wh + gt[..., :2]) - np.maximum(
        det[..., :2], gt[..., :2]
    )
    inter = np.where((wh > 0).all(-1), wh[..., 0] * wh[..., 1], 0.0)
    det_area, gt_area = det_wh[..., 0] * det_wh[..., 1], gt_wh[..., 0] * gt_wh[..., 1]
    union = det_area + gt_area - inter
    if crowd is not None:
        union = np.where(crowd, det_area, union)
    return np.divide(inter, union, out=np.zeros_like(inter), where=inter > 0)


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
    enough = np.minimum(IOUS, 1 - 1e-10)[:, None, None]
    free = np.ones((len(IOUS), *ignore.shape), dtype=bool)
    owner = np.full((len(IOUS), len(ignore), len(ious)), -1, dtype=np.int64)
    fitting = ious >= enough[..., 0, None]
    # Those that count come before all others, whatever their overlap; a power of two leaves its
    # bits alone.
    precedence = np.where(ignore, 2.0**-60, 1.0)
    # Backwards, because among equal overlaps COCO's loop keeps the last.
    rows, columns = np.nonzero(fitting[0])
    options = [
        c[::-1].tolist() for c in np.split(columns, np.searchsorted(rows, np.arange(1, len(ious))))
    ]
    for d, candidates in enumerate(options if len(ious) else ()):
        if len(candidates) == 1:
            g = candidates[0]
            taken = free[..., g] & fitting[:, d, g, None]
            owner[..., d] = np.where(taken, g, -1)
            if not crowd[g]:
                free[..., g] &= ~taken
            continue
        fits = free[..., candidates] & fitting[:, d, candidates][:, None]
        value = fits * (ious[d, candidates] * precedence[:, candidates])
        chosen = value.argmax(-1)
        taken = np.take_along_axis(value, chosen[..., None], -1)[..., 0] > 0
        g = np.asarray(candidates)[chosen]
        owner[..., d] = np.where(taken, g, -1)
        t, r = np.nonzero(taken & ~crowd[g])
        free[t, r, g[t, r]] = False
    return owner


def status_of(owner: Ints, ignore: Bools) -> NDArray[np.int8]:
    """What became of every detection.

    Args:
        owner: (T, R, D), see :func:`assign`.
        ignore: (R, G) annotations that do not count in a range; at least one annotation.

    Returns:
        (T, R, D) UNMATCHED, TRUE or IGNORED.
    """
    ignored = np.take_along_axis(
        np.broadcast_to(ignore, (len(owner), *ignore.shape)), owner.clip(0), -1
    )
    return np.where(owner < 0, UNMATCHED, np.where(ignored, IGNORED, TRUE)).astype(np.int8)
