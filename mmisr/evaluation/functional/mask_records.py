"""Masks of one image beside its boxes: stored as run lengths, and AP that is matched by them.

COCO's rules know one difference between boxes and masks: what IoU is measured on. So a record is
matched by masks once it carries their IoU, and nothing else of either AP engine changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rle = dict[str, Any]

IouType = Literal["bbox", "segm"]
IOU_TYPES: tuple[IouType, ...] = ("bbox", "segm")
"""What IoU is measured on: boxes or masks."""

SIDES = ("gt", "det")
"""Fields of :class:`ImageMasks` that hold run lengths."""


@dataclass(frozen=True)
class ImageMasks:
    """The masks of one image's record.

    Convention: compressed run lengths of COCO in pixels of the **source** frame, in the order of
    the record's annotations and detections.

    Args:
        hw: Height and width of the source frame.
        gt: Run lengths of N annotations.
        det: Run lengths of M detections.
        pixel_area: Area of a pixel of the source frame in the frame that sizes are measured in.
    """

    hw: tuple[int, int]
    gt: tuple[bytes, ...]
    det: tuple[bytes, ...]
    pixel_area: float = 1.0

    def rles(self, counts: Sequence[bytes]) -> list[Rle]:
        """Some of the masks as COCO's tools take them.

        Args:
            counts: Run lengths, of ``gt`` or ``det``.
        """
        return [{"size": list(self.hw), "counts": one} for one in counts]

    def pixels(self, counts: Sequence[bytes]) -> NDArray[np.uint8]:
        """Some of the masks, (K, H, W) of 0 and 1.

        Args:
            counts: K run lengths, of ``gt`` or ``det``.
        """
        from pycocotools import mask  # here, because reading records needs none

        if not counts:
            return np.zeros((0, *self.hw), dtype=np.uint8)
        rles = self.rles(counts)
        by_column = mask.decode(rles)
        images = by_column.transpose(2, 0, 1)
        return np.ascontiguousarray(images)

    def det_areas(self) -> Floats:
        """(M,) areas of the detections' masks, in px^2 of the frame that sizes are measured in."""
        from pycocotools import mask

        if not self.det:
            return np.zeros(0)
        rles = self.rles(self.det)
        areas = mask.area(rles)
        return areas.astype(np.float64) * self.pixel_area

    def ious(self, det_labels: Ints, gt_labels: Ints, crowd: NDArray[np.bool_]) -> Floats:
        """Intersection over union of detections and annotations of one class.

        Args:
            det_labels: (M,) classes.
            gt_labels: (N,) classes.
            crowd: (N,) annotations where the overlap is measured on the detection's own area.

        Returns:
            (M, N); 0 where classes differ.
        """
        from pycocotools import mask

        ious = np.zeros((len(self.det), len(self.gt)))
        found = self.rles(self.det)
        annotated = self.rles(self.gt)
        for label in np.intersect1d(det_labels, gt_labels):
            detections = np.flatnonzero(det_labels == label)
            truths = np.flatnonzero(gt_labels == label)
            found_here = [found[i] for i in detections]
            annotated_here = [annotated[i] for i in truths]
            is_crowd = crowd[truths]
            flags = is_crowd.astype(np.uint8)
            pairs = np.ix_(detections, truths)
            ious[pairs] = mask.iou(found_here, annotated_here, flags.tolist())
        return ious


def encoded(masks: Tensor | NDArray[Any]) -> tuple[bytes, ...]:
    """Compressed run lengths of (K, H, W) masks, bool or of 0 and 1.

    Example:
        >>> encoded(np.array([[[1, 0], [1, 0]]]))
        (b'022',)
    """
    from pycocotools import mask

    counts = []
    # One at a time: encoding takes copies, and masks of large images are large.
    for image in torch.as_tensor(masks):
        array = image.detach().cpu().numpy()
        pixels = array.astype(np.uint8)
        by_column = np.asfortranarray(pixels)
        rle = mask.encode(by_column)
        counts.append(rle["counts"])
    return tuple(counts)


def mask_columns(masks: Sequence[ImageMasks | None]) -> dict[str, NDArray[Any]]:
    """The masks of many images as plain arrays, to be stored.

    Args:
        masks: One entry per image.

    Returns:
        By name; empty unless every image has masks.
    """
    known = [of_image for of_image in masks if of_image is not None]
    if not known or len(known) < len(masks):
        return {}
    sizes = [of_image.hw for of_image in known]
    areas = [of_image.pixel_area for of_image in known]
    columns = {
        "mask_hw": np.array(sizes),
        "mask_pixel_area": np.array(areas),
    }
    for side in SIDES:
        counts = [getattr(of_image, side) for of_image in known]
        # Run lengths hold no blank, which stands between them.
        texts = [b" ".join(of_image) for of_image in counts]
        lengths = [len(text) for text in texts]
        together = b"".join(texts)
        columns[f"mask_{side}"] = np.frombuffer(together, dtype=np.uint8)
        columns[f"mask_{side}_ends"] = np.cumsum(lengths)
    return columns


def masks_of(columns: Mapping[str, NDArray[Any]], count: int) -> list[ImageMasks | None]:
    """The masks that :func:`mask_columns` made columns of, one entry per image.

    Args:
        columns: Arrays by name.
        count: Images.
    """
    hws = columns.get("mask_hw")
    if hws is None:
        return [None] * count
    sizes = hws.tolist()
    areas = columns["mask_pixel_area"].tolist()
    by_side = [_counts(columns, side) for side in SIDES]
    rows = zip(sizes, areas, *by_side, strict=True)
    masks: list[ImageMasks | None] = []
    for size, pixel_area, gt, det in rows:
        height, width = size
        hw = height, width
        of_image = ImageMasks(hw, gt, det, pixel_area)
        masks.append(of_image)
    return masks


def _counts(columns: Mapping[str, NDArray[Any]], side: str) -> list[tuple[bytes, ...]]:
    """The run lengths of every image, of annotations or of detections."""
    ends = columns[f"mask_{side}_ends"]
    texts = np.split(columns[f"mask_{side}"], ends[:-1])
    return [tuple(text.tobytes().split()) for text in texts]
