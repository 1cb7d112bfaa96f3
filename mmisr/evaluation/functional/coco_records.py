"""What one image contributes to AP.

Its boxes and sizes, kept so that they can be stored and counted again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ImageId = int | str


@dataclass(frozen=True)
class ImageRecord:
    """Ground truth and detections of one image, at full precision.

    Convention: boxes are xyxy in the **source** frame, because IoU is the same in every frame;
    areas are in px^2 of the frame that sizes are measured in. So sizes can be measured anywhere and
    never touch the matching.

    Args:
        img_id: The image's id.
        gt_xyxy: (N, 4).
        gt_labels: (N,) class indices.
        gt_areas: (N,) areas.
        gt_ignore: (N,) true for crowds and other regions where detections count neither way.
        det_xyxy: (M, 4).
        det_labels: (M,) class indices.
        det_scores: (M,) scores.
        det_areas: (M,) areas.
        category_ids: What the annotation file calls the classes, by label; empty where the sample
            does not say. Not stored.
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


GT_FIELDS = tuple(f.name for f in fields(ImageRecord) if f.name.startswith("gt_"))
DET_FIELDS = tuple(f.name for f in fields(ImageRecord) if f.name.startswith("det_"))


def check_labels(record: ImageRecord, num_classes: int) -> None:
    """Check that every label names a class.

    Raises:
        ValueError: A label is negative or not below ``num_classes``.
    """
    for what, labels in (("annotated", record.gt_labels), ("predicted", record.det_labels)):
        wrong = labels[(labels < 0) | (labels >= num_classes)]
        if wrong.size:
            raise ValueError(
                f"{what} labels must be in 0..{num_classes - 1}, image {record.img_id!r} has "
                f"{int(wrong[0])}: "
                f"the data set names {num_classes} classes (metainfo['classes']); give the "
                f"detector's head as many "
                "(num_classes)"
            )


def in_order(records: Sequence[ImageRecord]) -> list[ImageRecord]:
    """Records by image id, numbers by value and before names.

    Equal scores are ranked by image, so that AP depends on the order in its last digits; this is
    COCO's order.
    """
    return [records[i] for i in order_of(records)]


def order_of(records: Sequence[ImageRecord]) -> list[int]:
    """Indices of the records in the order of :func:`in_order`."""
    return sorted(
        range(len(records)), key=lambda i: (isinstance(records[i].img_id, str), records[i].img_id)
    )


def save_records(
    path: str | Path, records: Sequence[ImageRecord], meta: dict[str, Any] | None = None
) -> None:
    """Write records to one ``.npz`` file, without pickle.

    Args:
        path: The file; its folder is made.
        records: In any order, which is kept.
        meta: Facts to store beside them, as JSON.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, NDArray[Any]] = {
        "img_ids": np.array(json.dumps([r.img_id for r in records])),
        "meta": np.array(json.dumps(meta or {})),
        "gt_counts": np.array([len(r.gt_labels) for r in records], dtype=np.int64),
        "det_counts": np.array([len(r.det_labels) for r in records], dtype=np.int64),
    }
    for name in (*GT_FIELDS, *DET_FIELDS):
        columns[name] = (
            np.concatenate([getattr(r, name) for r in records]) if records else np.zeros(0)
        )
    with Path(path).open("wb") as file:
        np.savez_compressed(file, **columns)  # type: ignore[arg-type]  # numpy names its own flag in the signature


def load_records(path: str | Path) -> tuple[list[ImageRecord], dict[str, Any]]:
    """Read what :func:`save_records` wrote.

    Returns:
        The records in their order, and the facts stored beside them.

    Raises:
        ValueError: The file holds something else.
    """
    with np.load(path, allow_pickle=False) as file:
        absent = sorted({"img_ids", "meta", *GT_FIELDS, *DET_FIELDS} - set(file.files))
        if absent:
            raise ValueError(
                f"{path} does not hold records of mmisr.SizeBinnedCocoMetric: it has no {absent}"
            )
        ids, meta = json.loads(str(file["img_ids"])), json.loads(str(file["meta"]))
        split: dict[str, Any] = {n: _split(file[n], file["gt_counts"]) for n in GT_FIELDS}
        split |= {n: _split(file[n], file["det_counts"]) for n in DET_FIELDS}
    return [
        ImageRecord(i, **{n: rows[k] for n, rows in split.items()}) for k, i in enumerate(ids)
    ], meta


def _split(rows: NDArray[Any], counts: Ints) -> list[NDArray[Any]]:
    return np.split(rows, np.cumsum(counts)[:-1]) if len(counts) else []
