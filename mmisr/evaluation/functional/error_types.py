"""What kind of error a detector makes, by object size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmisr.evaluation.functional.coco_records import Floats, ImageRecord, Ints, masks_in
from mmisr.evaluation.functional.image_matches import match_image
from mmisr.evaluation.functional.matching import COCO
from mmisr.evaluation.functional.matching_rules import IOUS
from mmisr.evaluation.functional.overlaps import box_ious, inside
from mmisr.evaluation.size_bins import Protocol

ERROR_TYPES = ("localisation", "classification", "both", "duplicate", "background", "missed")
LOCALISATION, CLASSIFICATION, BOTH, DUPLICATE, BACKGROUND, MISSED = range(len(ERROR_TYPES))
"""Indices into :data:`ERROR_TYPES`."""

FOREGROUND = float(IOUS[0])
"""The IoU from which on a box is where an object is."""

TOUCH = 0.1
"""The IoU below which a box is on the background."""


@dataclass(frozen=True)
class ImageErrors:
    """The errors of one image.

    Args:
        kinds: (E,) indices into :data:`ERROR_TYPES`.
        areas: (E,) px^2 in the frame of the size bins: of the annotation that an error is about, or
            of the detection where it is about none (``background``).
    """

    kinds: Ints
    areas: Floats


def error_types(
    record: ImageRecord, score_thr: float, max_dets: int, rules: Protocol = COCO
) -> ImageErrors:
    """Sort the errors of one image; every false positive has one type.

    Source: Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors" (ECCV
    2020), section 2.2, and the order in which its code tries them. A false positive is, the first
    that holds:

    - ``localisation``: its best IoU with an annotation of its class is in [0.1, 0.5);
    - ``classification``: its best IoU with one of another class is at least 0.5;
    - ``duplicate``: its IoU with one of its class is at least 0.5, and a better detection has found
      that;
    - ``background``: its IoU with every annotation is below 0.1;
    - ``both``: wrong place and wrong class, IoU with one of another class in [0.1, 0.5).

    An annotation is ``missed`` where no detection found it and it is not the one that an error of
    localisation or classification is about. What differs from TIDE: errors are counted from one
    score on, not weighed by the AP that mending them would give; they are told apart by size; and
    they do not share an object: one that was taken for another class and was badly located counts
    once for each of the detections.

    Convention: boxes are compared in the source frame, or masks where the record is matched by
    them; sizes are those of the record. What is ignored takes detections away, as the protocol
    says, and is about nothing else.

    Args:
        record: The image.
        score_thr: Detections from this score on count.
        max_dets: Detections per image (and class) that count, best first.
        rules: The protocol whose rules match.

    Returns:
        The errors.
    """
    matches = match_image(record, score_thr, max_dets, rules)
    false = matches.false
    missed = matches.missed.copy()
    counted = np.flatnonzero(matches.counted)
    false_areas = record.det_areas[false]
    if not len(counted):
        return ImageErrors(kinds=np.full(len(false), BACKGROUND), areas=false_areas)
    ious = _overlaps(record)[np.ix_(false, counted)]
    is_same = record.det_labels[false, None] == record.gt_labels[counted]
    same_iou, same_at = _best(ious * is_same)
    other_iou, other_at = _best(ious * ~is_same)
    kinds = _kinds(same_iou, other_iou)
    is_other = np.isin(kinds, (CLASSIFICATION, BOTH))
    about = counted[np.where(is_other, other_at, same_at)]
    # What an error is about is not missed as well: mending the error finds it.
    is_found = np.isin(kinds, (LOCALISATION, CLASSIFICATION))
    missed[about[is_found]] = False
    areas = np.where(kinds == BACKGROUND, false_areas, record.gt_areas[about])
    missed_areas = record.gt_areas[missed]
    missed_kinds = np.full(len(missed_areas), MISSED)
    return ImageErrors(
        kinds=np.concatenate([kinds, missed_kinds]).astype(np.int64),
        areas=np.concatenate([areas, missed_areas]),
    )


def _overlaps(record: ImageRecord) -> Floats:
    """(M, N) IoU of detections and annotations of any classes, of masks where these are matched."""
    if record.ious is None:
        return box_ious(record.det_xyxy, record.gt_xyxy)
    masks = masks_in(record)
    det_class = np.zeros_like(record.det_labels)
    gt_class = np.zeros_like(record.gt_labels)
    crowd = np.zeros_like(record.gt_ignore)
    return masks.ious(
        det_class,
        gt_class,
        crowd,
    )


def _kinds(same_iou: Floats, other_iou: Floats) -> Ints:
    """(D,) the type of each false positive: the first rule that holds.

    Args:
        same_iou: (D,) best IoU with an annotation of the detection's class.
        other_iou: (D,) best IoU with one of another class.
    """
    badly_placed = (same_iou >= TOUCH) & (same_iou < FOREGROUND)
    on_nothing = np.maximum(same_iou, other_iou) < TOUCH
    rules = {
        LOCALISATION: badly_placed,
        CLASSIFICATION: other_iou >= FOREGROUND,
        DUPLICATE: same_iou >= FOREGROUND,
        BACKGROUND: on_nothing,
    }
    return np.select(list(rules.values()), list(rules), default=BOTH)


def count_errors(
    records: Sequence[ImageRecord],
    ranges: Mapping[str, tuple[float, float]],
    score_thr: float,
    max_dets: int,
    rules: Protocol = COCO,
) -> dict[str, dict[str, int]]:
    """Errors of a data set by size and type.

    Convention: both ends of a range belong to it, as everywhere: an area on an edge counts in two
    ranges.

    Args:
        records: One per image.
        ranges: Area ranges in px^2 by name.
        score_thr: Detections from this score on count.
        max_dets: Detections per image (and class) that count.
        rules: The protocol whose rules match.

    Returns:
        Counts by range, then by type.
    """
    counts = {}
    for name in ranges:
        counts[name] = dict.fromkeys(ERROR_TYPES, 0)
    spans = list(ranges.values())
    limits = np.array(spans, dtype=np.float64)
    limits = limits.reshape(-1, 2)
    for record in records:
        errors = error_types(record, score_thr, max_dets, rules)
        in_range = inside(errors.areas, limits)
        by_range = zip(counts.values(), in_range, strict=True)
        for of_range, row in by_range:
            kinds = errors.kinds[row]
            for kind in kinds:
                title = ERROR_TYPES[kind]
                of_range[title] += 1
    return counts


def _best(ious: Floats) -> tuple[Floats, Ints]:
    """(D,) the highest of (D, G) overlaps, 0 where there is none, and where it is."""
    return ious.max(1, initial=0.0), ious.argmax(1)
