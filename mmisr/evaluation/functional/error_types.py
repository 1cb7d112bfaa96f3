"""What kind of error a detector makes, by object size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmisr.evaluation.functional.coco_records import Floats, ImageRecord, Ints
from mmisr.evaluation.functional.image_matches import match_image
from mmisr.evaluation.functional.matching import IOUS, box_ious, inside

LOCALISATION, CLASSIFICATION, BOTH, DUPLICATE, BACKGROUND, MISSED = (
    *("localisation", "classification", "both", "duplicate"),
    *("background", "missed"),
)
ERROR_TYPES = (LOCALISATION, CLASSIFICATION, BOTH, DUPLICATE, BACKGROUND, MISSED)
FOREGROUND, TOUCH = float(IOUS[0]), 0.1
"""From ``FOREGROUND`` on a box is where an object is; below ``TOUCH`` it is on the background."""


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


def error_types(record: ImageRecord, score_thr: float, max_dets: int) -> ImageErrors:
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

    Convention: boxes are compared in the source frame; sizes are those of the record. Regions to
    ignore take detections away, as in COCO, and are about nothing else.

    Args:
        record: The image.
        score_thr: Detections from this score on count.
        max_dets: Detections a class that count, best first.

    Returns:
        The errors.
    """
    matches = match_image(record, score_thr, max_dets)
    false, counts = matches.false, np.flatnonzero(~record.gt_ignore)
    missed = matches.missed.copy()
    if not len(counts):
        return ImageErrors(
            np.full(len(false), ERROR_TYPES.index(BACKGROUND)), record.det_areas[false]
        )
    ious = box_ious(record.det_xyxy[false], record.gt_xyxy[counts])
    same = record.det_labels[false, None] == record.gt_labels[counts]
    (own, own_at), (other, other_at) = _best(ious * same), _best(ious * ~same)
    rules = {
        LOCALISATION: (own >= TOUCH) & (own < FOREGROUND),
        CLASSIFICATION: other >= FOREGROUND,
        DUPLICATE: own >= FOREGROUND,
        BACKGROUND: np.maximum(own, other) < TOUCH,
        BOTH: np.ones(len(false), dtype=bool),
    }
    kinds = np.select(list(rules.values()), [ERROR_TYPES.index(name) for name in rules])
    about = counts[
        np.where(
            np.isin(kinds, [ERROR_TYPES.index(n) for n in (CLASSIFICATION, BOTH)]), other_at, own_at
        )
    ]
    missed[
        about[np.isin(kinds, [ERROR_TYPES.index(n) for n in (LOCALISATION, CLASSIFICATION)])]
    ] = False
    areas = np.where(
        kinds == ERROR_TYPES.index(BACKGROUND), record.det_areas[false], record.gt_areas[about]
    )
    return ImageErrors(
        np.concatenate([kinds, np.full(int(missed.sum()), ERROR_TYPES.index(MISSED))]).astype(
            np.int64
        ),
        np.concatenate([areas, record.gt_areas[missed]]),
    )


def count_errors(
    records: Sequence[ImageRecord],
    ranges: Mapping[str, tuple[float, float]],
    score_thr: float,
    max_dets: int,
) -> dict[str, dict[str, int]]:
    """Errors of a data set by size and type.

    Convention: both ends of a range belong to it, as everywhere: an area on an edge counts in two
    ranges.

    Args:
        records: One an image.
        ranges: Area ranges in px^2 by name.
        score_thr: Detections from this score on count.
        max_dets: Detections an image and class that count.

    Returns:
        Counts by range, then by type.
    """
    errors = [error_types(record, score_thr, max_dets) for record in records]
    kinds = np.concatenate([np.zeros(0, dtype=np.int64), *(e.kinds for e in errors)])
    areas = np.concatenate([np.zeros(0), *(e.areas for e in errors)])
    inner = inside(areas, np.array(list(ranges.values()), dtype=np.float64).reshape(-1, 2))
    return {
        name: dict(
            zip(
                ERROR_TYPES,
                np.bincount(kinds[row], minlength=len(ERROR_TYPES)).tolist(),
                strict=True,
            )
        )
        for name, row in zip(ranges, inner, strict=True)
    }


def _best(ious: Floats) -> tuple[Floats, Ints]:
    return ious.max(1, initial=0.0), ious.argmax(1)
