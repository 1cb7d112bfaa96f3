"""From a predicted sample to the record that AP is counted from.

The one reader of samples for AP: the metric of a test and the store of a comparison call it, so
that both AP engines (docs/concepts/evaluation.md) count the same boxes and sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from mmisr.evaluation.functional.coco_records import Floats, ImageId, ImageRecord, Ints
from mmisr.evaluation.functional.mask_records import ImageMasks, IouType, encoded
from mmisr.ops.boxes import area
from mmisr.structures.frames import FrameMap
from mmisr.structures.marks import Mark

ANNOTATED = (
    "annotated masks (mmdet.LoadAnnotations(with_bbox=True, with_mask=True) in the test pipeline)"
)
PREDICTED = "predicted masks (a detector that predicts them)"

BinFrame = Literal["lr", "source"]
AreaSource = Literal["box", "annotation"]


def image_record(
    sample: Mapping[str, Any],
    frame: BinFrame = "lr",
    area_source: AreaSource = "box",
    iou_type: IouType = "bbox",
) -> ImageRecord:
    """Boxes and sizes of one predicted sample.

    Convention: boxes are xyxy in the **source** frame, in the sample and in the record. Areas are
    in px^2 of ``frame``. From source to lr each axis has its own factor, ``lr_shape /
    source_shape``: 1 for native LR, 1 / s where LR was simulated at s. An annotated (mask) area is
    multiplied by both factors.

    Args:
        sample: The sample as a dict: ``img_id``, ``gt_instances`` (``bboxes``, ``labels``, and
            ``areas`` in px^2 of the source frame, ``marks`` where there are any), the same in
            ``ignored_instances`` where some count neither way, ``pred_instances`` (``bboxes``,
            ``labels``, ``scores``), ``source_shape`` and ``lr_shape`` (height and width first).
        frame: The frame that sizes are measured in: ``lr`` (what the sensor saw) or ``source``.
        area_source: The size of an annotation: ``box`` for the area of its box in ``frame``,
            ``annotation`` for its annotated area. The size of a detection is that of its box.
        iou_type: ``segm`` keeps their ``masks``, (N, H, W) of the source frame or run lengths.

    Returns:
        The record, annotations that count before those that do not.

    Raises:
        ValueError: The sample lacks what is needed; the message names it.

    Example:
        >>> box = {"bboxes": [[0.0, 0.0, 8.0, 16.0]], "labels": [0], "scores": [0.5]}
        >>> sample = {"img_id": 1, "gt_instances": box, "pred_instances": box}
        >>> sample |= {"source_shape": (64, 64), "lr_shape": (16, 16)}
        >>> image_record(sample).gt_areas.tolist()  # 2 x 4 pixels of LR
        [8.0]
    """
    to_bins = _map_to_bins(sample, frame)
    predictions = _instances(sample, "pred_instances")
    truths = _truths(sample)
    gt_xyxy = torch.cat([_xyxy(instances) for instances in truths])
    gt_labels = [_column(instances, "labels", np.int64) for instances in truths]
    det_xyxy = _xyxy(predictions)
    gt_areas = area(to_bins.boxes(gt_xyxy)).numpy()
    if area_source == "annotation":
        gt_areas = _annotated_areas(truths, to_bins, sample)
    masks = _masks(sample, to_bins) if iou_type == "segm" else None
    return ImageRecord(
        img_id=_image_id(sample),
        gt_xyxy=gt_xyxy.numpy(),
        gt_labels=np.concatenate(gt_labels),
        gt_areas=gt_areas,
        gt_ignore=np.arange(len(gt_xyxy)) >= len(gt_labels[0]),
        det_xyxy=det_xyxy.numpy(),
        det_labels=_column(predictions, "labels", np.int64),
        det_scores=_column(predictions, "scores", np.float64),
        det_areas=area(to_bins.boxes(det_xyxy)).numpy(),
        category_ids=tuple(sample.get("category_ids") or ()),
        gt_marks=_marks(truths),
        masks=masks,
    )


def _truths(sample: Mapping[str, Any]) -> list[Any]:
    """The annotations that count, and those that do not where the sample has them."""
    counted = _instances(sample, "gt_instances")
    ignored = sample.get("ignored_instances") or {}
    return [counted, ignored] if "bboxes" in ignored else [counted]


def _marks(truths: Sequence[Any]) -> Ints:
    """(N,) what the annotations are.

    A sample that does not say has objects, and crowds among those to ignore.
    """
    marks = []
    for instances, unsaid in zip(truths, (Mark(0), Mark.CROWD), strict=False):
        of_side = np.full(len(instances["bboxes"]), int(unsaid))
        if "marks" in instances:
            of_side = _column(instances, "marks", np.int64)
        marks.append(of_side)
    return np.concatenate(marks)


def _masks(sample: Mapping[str, Any], to_bins: FrameMap) -> ImageMasks:
    """The masks of all boxes, as run lengths."""
    shape = sample.get("source_shape") or sample.get("ori_shape")
    if shape is None:
        raise ValueError(f"AP of masks needs source_shape, which {_name(sample)} does not have")
    height, width = shape[:2]
    hw = int(height), int(width)
    annotated: list[bytes] = []
    for instances in _truths(sample):
        annotated += _encoded(instances, hw, ANNOTATED, sample)
    predictions = sample["pred_instances"]
    found = _encoded(predictions, hw, PREDICTED, sample)
    scale_x, scale_y = to_bins.scale_xy
    pixel_area = scale_x * scale_y
    return ImageMasks(hw, tuple(annotated), tuple(found), pixel_area)


def _encoded(
    instances: Any, hw: tuple[int, int], source: str, sample: Mapping[str, Any]
) -> list[bytes]:
    """The masks of some boxes, which must be there where boxes are."""
    count = len(instances["bboxes"])
    masks = instances.get("masks")
    if isinstance(masks, list):
        return _runs(masks, count, hw, sample)
    # A foreign pipeline may leave mmdet's own bitmaps or polygons, which know their pixels.
    pixels = masks.to_ndarray() if hasattr(masks, "to_ndarray") else masks
    if pixels is None and count == 0:
        return []
    found = None
    if pixels is not None:
        found = tuple(pixels.shape)
    if found != (count, *hw):
        raise ValueError(
            f"AP of masks (iou_type='segm') needs {source}, {(count, *hw)} (objects, height, "
            f"width) in the source frame; {_name(sample)} has {found or 'none'}"
        )
    return list(encoded(pixels))


def _runs(
    masks: list[Mapping[str, Any]], count: int, hw: tuple[int, int], sample: Mapping[str, Any]
) -> list[bytes]:
    """Masks that are compressed run lengths already (``test_cfg.masks='runs'``)."""
    sizes = {tuple(mask["size"]) for mask in masks}
    if len(masks) != count or not sizes <= {hw}:
        raise ValueError(
            f"AP of masks (iou_type='segm') needs {count} run lengths of {hw} (height, width) in "
            f"the source frame; {_name(sample)} has {len(masks)} of {sorted(sizes)}"
        )
    return [bytes(mask["counts"]) for mask in masks]


def _map_to_bins(sample: Mapping[str, Any], frame: BinFrame) -> FrameMap:
    """From the source frame to the frame that sizes are measured in."""
    if frame == "source":
        return FrameMap()
    absent = []
    for key in ("source_shape", "lr_shape"):
        if sample.get(key) is None:
            absent.append(key)
    if absent:
        raise ValueError(
            f"size bins in the lr frame need {absent}, which {_name(sample)} does not have; pack "
            "the sample with mmisr.PackSRDetInputs, or set frame='source'"
        )
    source_hw = sample["source_shape"][:2]
    lr_hw = sample["lr_shape"][:2]
    return FrameMap.between(source_hw, lr_hw)


def _annotated_areas(truths: Sequence[Any], to_bins: FrameMap, sample: Mapping[str, Any]) -> Floats:
    """(N,) annotated areas, scaled into the frame of the size bins."""
    if any("areas" not in instances for instances in truths):
        raise ValueError(
            f"area_source='annotation' needs gt_instances.areas, {_name(sample)} has none; pack "
            "the sample with mmisr.PackSRDetInputs, or set area_source='box'"
        )
    columns = [_column(instances, "areas", np.float64) for instances in truths]
    scale_x, scale_y = to_bins.scale_xy
    return np.concatenate(columns) * (scale_x * scale_y)


def _instances(sample: Mapping[str, Any], field: str) -> Any:
    instances = sample.get(field)
    if instances is None or "bboxes" not in instances:
        raise ValueError(
            f"AP by object size needs {field}, which {_name(sample)} does not have; ground truth "
            "comes from LoadAnnotations and mmisr.PackSRDetInputs in the test pipeline, "
            "predictions from the detector"
        )
    return instances


def _image_id(sample: Mapping[str, Any]) -> ImageId:
    img_id = sample.get("img_id")
    if img_id is None:
        raise ValueError(f"AP by object size needs img_id, which {_name(sample)} does not have")
    return img_id if isinstance(img_id, str) else int(img_id)


def _name(sample: Mapping[str, Any]) -> str:
    return f"the sample of {sample.get('img_path') or sample.get('img_id')}"


def _xyxy(instances: Any) -> Tensor:
    """(N, 4) boxes, double precision, on the CPU."""
    boxes = instances["bboxes"]
    # A foreign pipeline may leave mmdet's own box type, which holds a tensor.
    boxes = getattr(boxes, "tensor", boxes)
    return torch.as_tensor(boxes).detach().cpu().double().reshape(-1, 4)


def _column(instances: Any, key: str, dtype: type) -> np.ndarray:
    values = torch.as_tensor(instances[key]).detach().cpu()
    return values.double().numpy().astype(dtype)
