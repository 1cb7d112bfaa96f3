"""All boxes of a data set side by side, so that classes are taken out of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats, ImageRecord, Ints
from mmisr.evaluation.functional.overlaps import Bools

Kind = TypeVar("Kind", bound="Columns")


@dataclass(frozen=True)
class Columns:
    """Boxes of a data set.

    Convention: by class, then by image.

    Args:
        label: (N,) class indices, rising.
        image: (N,) index of the image.
        place: (N,) index of the box in the record of its image.
    """

    label: Ints
    image: Ints
    place: Ints

    def taken(self: Kind, rows: Any) -> Kind:
        """Some of the boxes.

        Args:
            rows: A slice, indices or a mask of all boxes.
        """
        columns = {}
        for field in fields(self):
            column = getattr(self, field.name)
            columns[field.name] = column[rows]
        return type(self)(**columns)

    def of_class(self: Kind, label: int) -> Kind:
        """The boxes of one class."""
        first, end = np.searchsorted(self.label, [label, label + 1])
        return self.taken(slice(first, end))


@dataclass(frozen=True)
class Truths(Columns):
    """The annotations.

    Args:
        area: (N,) sizes.
        mark: (N,) what an annotation is, see :class:`mmisr.structures.marks.Mark`.
        ignore: (N,) whether the data set or the protocol ignores it.
    """

    area: Floats
    mark: Ints
    ignore: Bools


@dataclass(frozen=True)
class Detections(Columns):
    """The detections, best score first within a class of an image; equal scores as in the record.

    Args:
        score: (N,) scores.
        area: (N,) sizes.
        rank: (N,) how many come before it where the cap counts.
    """

    score: Floats
    area: Floats
    rank: Ints


def truths_of(records: Sequence[ImageRecord]) -> Truths:
    """The annotations of a data set.

    Args:
        records: One per image.
    """
    label = _column(records, "gt_labels", int)
    image, place = _places(records, "gt_labels")
    truths = Truths(
        label=label,
        image=image,
        place=place,
        area=_column(records, "gt_areas", float),
        mark=_column(records, "gt_marks", int),
        ignore=_column(records, "gt_ignore", bool),
    )
    return truths.taken(np.lexsort((image, label)))


def detections_of(
    records: Sequence[ImageRecord], max_dets: int, is_cap_of_image: bool
) -> Detections:
    """The detections of a data set that are under the cap.

    Args:
        records: One per image.
        max_dets: Detections per class of an image that count at most.
        is_cap_of_image: Whether they are counted in all classes of an image together.
    """
    label = _column(records, "det_labels", int)
    score = _column(records, "det_scores", float)
    image, place = _places(records, "det_labels")
    groups = (image,) if is_cap_of_image else (image, label)
    detections = Detections(
        label=label,
        image=image,
        place=place,
        score=score,
        area=_column(records, "det_areas", float),
        rank=_ranks(score, groups),
    )
    best_first = np.lexsort((-score, image, label))
    ordered = detections.taken(best_first)
    return ordered.taken(ordered.rank < max_dets)


def _column(records: Sequence[ImageRecord], name: str, kind: type) -> NDArray[Any]:
    """(N,) one field of all records; there may be none."""
    nothing: NDArray[Any] = np.zeros(0, dtype=kind)
    of_images = [nothing]
    for record in records:
        # An empty array is of floats where nobody says what it holds.
        values = getattr(record, name)
        column = values.astype(kind)
        of_images.append(column)
    return np.concatenate(of_images)


def _places(records: Sequence[ImageRecord], name: str) -> tuple[Ints, Ints]:
    """(N,) the image of every box, and which of its boxes it is."""
    sizes = []
    for record in records:
        values = getattr(record, name)
        sizes.append(len(values))
    counts = np.array(sizes, dtype=np.int64)
    images = np.arange(len(records))
    image = np.repeat(images, counts)
    ends = np.cumsum(counts)
    starts = ends - counts
    place = np.arange(len(image)) - starts[image]
    return image, place


def _ranks(score: Floats, groups: tuple[Ints, ...]) -> Ints:
    """(N,) how many boxes of the same group are better; of equal ones the first comes first."""
    order = np.lexsort((-score, *groups))
    number = np.arange(len(order))
    is_first = np.zeros(len(order), dtype=bool)
    is_first[:1] = True
    for group in groups:
        in_order = group[order]
        is_first[1:] |= in_order[1:] != in_order[:-1]
    beginning = np.where(is_first, number, 0)
    begun = np.maximum.accumulate(beginning)
    rank = np.empty_like(number)
    rank[order] = number - begun
    return rank
