"""Detections as COCO's result files have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmisr.evaluation.functional.coco_records import ImageId, ImageRecord, masks_in
from mmisr.evaluation.functional.mask_records import IouType
from mmisr.ops.boxes import to_xywh
from mmisr.ops.files import write_text

CategoryIds = Sequence[int | str]


def coco_results(
    records: Sequence[ImageRecord],
    category_ids: Mapping[ImageId, CategoryIds],
    iou_type: IouType = "bbox",
) -> list[dict[str, Any]]:
    """Every detection as one entry, with the ids of the annotation file.

    Convention: ``bbox`` is x, y, width, height in the source frame, as the annotations are.

    Args:
        records: The images, in any order, which is kept.
        category_ids: For each image id the ids of the classes, by label.
        iou_type: ``bbox`` for boxes, ``segm`` for masks. Never both: beside a box, pycocotools
            takes a mask's size from the box.

    Returns:
        Entries with ``image_id``, ``category_id``, ``score``, and ``bbox`` or ``segmentation``,
        compressed run lengths.

    Raises:
        ValueError: An image is not in ``category_ids``, or has a label beyond its ids; or masks are
            asked for of a record that has none.

    Example:
        >>> coco_results([], {})
        []
    """
    entries = []
    for record in records:
        ids = category_ids.get(record.img_id, ())
        if any(label >= len(ids) for label in record.det_labels):
            raise ValueError(
                f"COCO results carry the category ids of the annotation file, and image "
                f"{record.img_id!r} has {len(ids)} of them, label {int(record.det_labels.max())} "
                "among its detections: read the data with mmisr.SRCocoDataset and pack it with "
                "mmisr.PackSRDetInputs"
            )
        places = _boxes(record) if iou_type == "bbox" else _masks(record)
        columns = record.det_labels.tolist(), record.det_scores.tolist(), places
        for label, score, place in zip(*columns, strict=True):
            entry = {"image_id": record.img_id, "category_id": ids[label], **place}
            entries.append({**entry, "score": score})
    return entries


def _boxes(record: ImageRecord) -> list[dict[str, Any]]:
    return [{"bbox": xywh} for xywh in to_xywh(record.det_xyxy).tolist()]


def _masks(record: ImageRecord) -> list[dict[str, Any]]:
    """The masks as JSON can hold them."""
    masks = masks_in(record)
    segmentations = []
    for counts in masks.det:
        mask = {"size": list(masks.hw), "counts": counts.decode()}
        segmentations.append({"segmentation": mask})
    return segmentations


def write_coco_results(path: str | Path, entries: Sequence[dict[str, Any]]) -> None:
    """Write a result file, which pycocotools' ``loadRes`` and every COCO server read.

    Args:
        path: The file.
        entries: See :func:`coco_results`.
    """
    write_text(Path(path), json.dumps(list(entries)) + "\n")
