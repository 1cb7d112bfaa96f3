"""What one image contributes to AP: its boxes and sizes, to be stored and counted again.

:func:`mmisr.evaluation.functional.image_record.image_record` makes a record of a sample.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.mask_records import ImageMasks, mask_columns, masks_of
from mmisr.structures.marks import Mark

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ImageId = int | str


def _no_marks() -> Ints:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class ImageRecord:
    """Ground truth and detections of one image, at full precision.

    Convention: boxes are xyxy in the **source** frame, because IoU is the same in every frame;
    areas are in px^2 of the frame that sizes are measured in. So sizes can be measured anywhere and
    never touch the matching.

    Args:
        img_id: The image's id.
        gt_xyxy: (N, 4) annotated boxes.
        gt_labels: (N,) class indices.
        gt_areas: (N,) sizes of the annotations.
        gt_ignore: (N,) true for crowds and other regions where detections count neither way.
        det_xyxy: (M, 4) predicted boxes.
        det_labels: (M,) class indices.
        det_scores: (M,) scores.
        det_areas: (M,) sizes of the detections.
        category_ids: What the annotation file calls the classes, by label; empty where the sample
            does not say. Not stored.
        gt_marks: (N,) what an annotation is, see :class:`mmisr.structures.marks.Mark`; crowds where
            ``gt_ignore`` by default.
        masks: The masks of all boxes; None where only boxes are measured.
        ious: (M, N) overlap of detections and annotations that matching goes by, see
            :func:`by_masks`; None for that of the boxes. Not stored.
    """

    img_id: ImageId
    gt_xyxy: Floats
    gt_labels: Ints
    gt_areas: Floats
    gt_ignore: NDArray[np.bool_]
    det_xyxy: Floats
    det_labels: Ints
    det_scores: Floats
    det_areas: Floats
    category_ids: tuple[int | str, ...] = ()
    gt_marks: Ints = field(default_factory=_no_marks)
    masks: ImageMasks | None = None
    ious: Floats | None = None

    def __post_init__(self) -> None:
        if len(self.gt_marks) != len(self.gt_ignore):
            marks = np.where(self.gt_ignore, int(Mark.CROWD), 0)
            object.__setattr__(self, "gt_marks", marks)


GT_FIELDS = tuple(f.name for f in fields(ImageRecord) if f.name.startswith("gt_"))
DET_FIELDS = tuple(f.name for f in fields(ImageRecord) if f.name.startswith("det_"))


def by_masks(record: ImageRecord, annotated_areas: bool = False) -> ImageRecord:
    """The record as AP of masks (``segm``) counts it.

    Args:
        record: With masks.
        annotated_areas: Whether ``gt_areas`` are those that the annotations state, of their masks:
            the size of a detection is then that of its mask, as in COCO, else of its box.

    Raises:
        ValueError: The record has no masks.
    """
    masks = masks_in(record)
    ious = masks.ious(record.det_labels, record.gt_labels, record.gt_ignore)
    areas = masks.det_areas() if annotated_areas else record.det_areas
    return replace(record, ious=ious, det_areas=areas)


def masks_in(record: ImageRecord) -> ImageMasks:
    """The masks of a record.

    Raises:
        ValueError: It has none.
    """
    if record.masks is None:
        raise ValueError(
            f"AP of masks needs a record with masks, that of image {record.img_id!r} has none: "
            "measure with SizeBinnedCocoMetric(iou_type='segm')"
        )
    return record.masks


def check_labels(record: ImageRecord, num_classes: int) -> None:
    """Check that every label names a class.

    Raises:
        ValueError: A label is negative or not below ``num_classes``.
    """
    columns = {"annotated": record.gt_labels, "predicted": record.det_labels}
    for what, labels in columns.items():
        unknown = (labels < 0) | (labels >= num_classes)
        if not unknown.any():
            continue
        first = int(labels[unknown][0])
        raise ValueError(
            f"{what} labels must be in 0..{num_classes - 1}, image {record.img_id!r} has {first}: "
            f"the data set names {num_classes} classes (metainfo['classes']); give the detector's "
            "head as many (num_classes)"
        )


def in_order(records: Sequence[ImageRecord]) -> list[ImageRecord]:
    """Records by image id, numbers by value and before names.

    Equal scores are ranked by image, so that AP depends on the order in its last digits; this is
    COCO's order.
    """
    return [records[i] for i in order_of(records)]


def order_of(records: Sequence[ImageRecord]) -> list[int]:
    """Indices of the records in the order of :func:`in_order`."""

    def key(index: int) -> tuple[bool, ImageId]:
        img_id = records[index].img_id
        return isinstance(img_id, str), img_id

    return sorted(range(len(records)), key=key)


def save_records(
    path: str | Path, records: Sequence[ImageRecord], meta: dict[str, Any] | None = None
) -> None:
    """Write records to one ``.npz`` file, without pickle.

    Args:
        path: The file; its folder is made.
        records: In any order, which is kept.
        meta: What to store beside them, as JSON.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "img_ids": _json([r.img_id for r in records]),
        "meta": _json(meta or {}),
        "gt_counts": _counts([r.gt_labels for r in records]),
        "det_counts": _counts([r.det_labels for r in records]),
    }
    for name in (*GT_FIELDS, *DET_FIELDS):
        columns[name] = _column(records, name)
    columns |= mask_columns([record.masks for record in records])
    with path.open("wb") as file:
        # numpy names its own flag in the signature.
        np.savez_compressed(file, **columns)  # type: ignore[arg-type]


def _json(content: Any) -> NDArray[Any]:
    """Plain data as an array that needs no pickle."""
    return np.array(json.dumps(content))


def _counts(columns: Sequence[NDArray[Any]]) -> Ints:
    return np.array([len(column) for column in columns], dtype=np.int64)


def _column(records: Sequence[ImageRecord], name: str) -> NDArray[Any]:
    """One field of all records, end to end."""
    if not records:
        return np.zeros(0)
    return np.concatenate([getattr(record, name) for record in records])


def load_records(path: str | Path) -> tuple[list[ImageRecord], dict[str, Any]]:
    """Read what :func:`save_records` wrote.

    Returns:
        The records in their order, and what was stored beside them.

    Raises:
        ValueError: The file holds something else.
    """
    with np.load(path, allow_pickle=False) as file:
        columns = dict(file)
    # Files of before annotations had marks hold none.
    expected = {"img_ids", "meta", *GT_FIELDS, *DET_FIELDS} - {"gt_marks"}
    absent = sorted(expected - set(columns))
    if absent:
        raise ValueError(
            f"{path} does not hold records of mmisr.SizeBinnedCocoMetric: it has no {absent}"
        )
    ids = json.loads(str(columns["img_ids"]))
    meta = json.loads(str(columns["meta"]))
    by_image = _by_image(columns)
    by_image["masks"] = masks_of(columns, len(ids))
    records = []
    for index, img_id in enumerate(ids):
        values = {}
        for name, rows in by_image.items():
            values[name] = rows[index]
        record = ImageRecord(img_id, **values)
        records.append(record)
    return records, meta


def _by_image(columns: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """For every field the rows of each image."""
    names = [name for name in GT_FIELDS if name in columns]
    of_gt = {name: _split(columns[name], columns["gt_counts"]) for name in names}
    of_det = {name: _split(columns[name], columns["det_counts"]) for name in DET_FIELDS}
    return of_gt | of_det


def _split(rows: NDArray[Any], counts: Ints) -> list[NDArray[Any]]:
    """The rows of each image."""
    if not len(counts):
        return []
    ends = np.cumsum(counts)
    return np.split(rows, ends[:-1])
