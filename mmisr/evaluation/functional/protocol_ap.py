"""AP and AR by a protocol's rules, whichever engine counts them.

COCO's own rules are counted by its library (:mod:`mmisr.evaluation.functional.size_binned_ap`), all
others by our arrays, with every image counting once. Why, and what holds them equal:
docs/concepts/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmisr.evaluation.functional.coco_records import Floats, ImageRecord
from mmisr.evaluation.functional.ignore_rules import has_mark
from mmisr.evaluation.functional.matching import ClassMatches, match_classes
from mmisr.evaluation.functional.matching_rules import TRUE
from mmisr.evaluation.functional.overlaps import inside
from mmisr.evaluation.functional.size_binned_ap import BinFigures, size_binned_ap
from mmisr.evaluation.functional.weighted_ap import class_figures, iou_index, over_classes
from mmisr.evaluation.size_bins import Protocol, Span


def protocol_ap(
    records: Sequence[ImageRecord], num_classes: int, protocol: Protocol, max_dets: int
) -> dict[str, BinFigures]:
    """AP and AR in every range of a protocol.

    Args:
        records: One per image, in any order, as
            :func:`mmisr.evaluation.functional.ignore_rules.all_counted` gives them.
        num_classes: Number of classes; labels are below it.
        protocol: Bins and rules.
        max_dets: Detections per image (and class) that count.

    Returns:
        Figures by name of the range, in the order of :meth:`Protocol.ranges`; NaN where a range
        holds no annotation.

    Raises:
        ValueError: A label names no class.
    """
    ranges = protocol.ranges()
    recall_at = protocol.averaging.recall_at
    if protocol.is_coco:
        return size_binned_ap(records, num_classes, ranges, max_dets, recall_at)
    matches = match_classes(records, num_classes, ranges, max_dets, protocol)
    once = np.ones((1, len(records)), dtype=np.int64)
    precision, recall, shares = class_figures(matches, len(ranges), once, rules=protocol)
    counts = annotations_in(records, protocol)
    figures = {}
    for r, name in enumerate(ranges):
        ap = precision[r, ..., 0]
        ar = recall[r, ..., 0]
        weight = shares[r, :, 0]
        at_caps = {}
        for cap in recall_at:
            if cap < max_dets:
                early = recall_under(matches, r, cap)
                at_caps[cap] = _mean(early, weight)
        figures[name] = BinFigures(
            ap=_mean(ap.mean(0), weight),
            ap50=_at(0.5, ap, weight, protocol),
            ap75=_at(0.75, ap, weight, protocol),
            ar=_mean(ar.mean(0), weight),
            count=counts[name],
            class_ap=tuple(ap.mean(0).tolist()),
            recall_at=at_caps,
            ap25=_at(0.25, ap, weight, protocol),
        )
    return figures


def _at(iou: float, ap: Floats, weight: Floats, protocol: Protocol) -> float:
    """AP at one threshold from (T, C); NaN where the protocol does not have it."""
    place = iou_index(protocol, iou)
    return float("nan") if place is None else _mean(ap[place], weight)


def _mean(values: Floats, weight: Floats) -> float:
    """Mean of (C,) over the classes that have annotations."""
    return float(over_classes(values[:, None], weight[:, None])[0])


def recall_under(classes: Sequence[ClassMatches], r: int, cap: int) -> Floats:
    """(C,) recall, mean over the thresholds, of the first ``cap`` detections alone.

    Which annotation a detection takes does not depend on those that come after it, so that nothing
    is matched again. NaN where a class has no annotation.

    Args:
        classes: Matches by class.
        r: The range.
        cap: Detections that count, per image (and class) as the matches were made.
    """
    recalls = np.full(len(classes), np.nan)
    for c, matches in enumerate(classes):
        positives = matches.positives[r].sum()
        if not positives:
            continue
        ranks = matches.rank[matches.near]
        is_early = ranks < cap
        status = matches.status[:, r]
        is_found = is_early & (status == TRUE)
        by_level = is_found.sum(1)
        share = by_level.mean()
        recalls[c] = share / positives
    return recalls


def annotations_in(records: Sequence[ImageRecord], protocol: Protocol) -> dict[str, int]:
    """How many annotations count in every range of a protocol.

    Args:
        records: One per image, as the protocol counts them.
        protocol: The protocol.

    Returns:
        Numbers by name of the range.
    """
    ranges = protocol.ranges()
    counts = dict.fromkeys(ranges, 0)
    for record in records:
        for name, span in ranges.items():
            counts[name] += _count(record, name, span, protocol)
    return counts


def _count(record: ImageRecord, name: str, span: Span, protocol: Protocol) -> int:
    limits = np.array([span])
    is_of_size = inside(record.gt_areas, limits)
    is_counted = is_of_size[0]
    is_counted &= ~record.gt_ignore
    subsets = protocol.ignoring.subsets
    if name in subsets:
        is_counted &= has_mark(record.gt_marks, subsets[name])
    total = is_counted.sum()
    return int(total)
