"""Masks as mmdet loads them: bitmaps or polygons, in the pixels of ``results['img']``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.openmmlab.stack import prepare

prepare()

from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.structures import InstanceData

from mmisr.ops.masks import resize_masks

__all__ = [
    "BitmapMasks",
    "PolygonMasks",
    "bitmaps",
    "bool_masks",
    "check_annotated",
    "pad_masks",
    "predicts_masks",
    "turned_masks",
    "without_masks",
]

Hw = tuple[int, int]


def predicts_masks(detector: Any) -> bool:
    """Whether a detector predicts a mask for every box, and so needs annotated ones to learn.

    Args:
        detector: Of any kind.
    """
    head = getattr(detector, "bbox_head", None)
    # RTMDet-Ins keeps its mask head inside the box head, where mmdet's own property does not look.
    inside = getattr(head, "mask_head", None)
    return bool(getattr(detector, "with_mask", False)) or inside is not None


def bitmaps(masks: Any, hw: Hw) -> BitmapMasks:
    """Masks in a frame of another size, as mmdet's heads take them.

    Args:
        masks: N masks of any kind, see :func:`bool_masks`.
        hw: Height and width of that frame; how masks come into it is said in
            :func:`mmisr.ops.masks.resize_masks`.

    Returns:
        N bitmaps of this size, on the CPU.
    """
    pixels = bool_masks(masks)
    resized = resize_masks(pixels, hw)
    array = resized.cpu().numpy().astype(np.uint8)
    return BitmapMasks(array, *hw)


def bool_masks(masks: Any) -> Tensor:
    """Masks of any kind as pixels.

    Args:
        masks: mmdet's bitmaps or polygons, or an (N, H, W) array or tensor.

    Returns:
        (N, H, W) bool.
    """
    pixels = masks.to_ndarray() if hasattr(masks, "to_ndarray") else masks
    return torch.as_tensor(pixels).bool()


def check_annotated(samples: Sequence[DetDataSample]) -> None:
    """Check that there are masks for a detector to learn from.

    Args:
        samples: The pair's samples, with ground truth.

    Raises:
        ValueError: The data loads none.
    """
    for sample in samples:
        if "masks" not in sample.gt_instances:
            name = sample.get("img_path") or sample.get("img_id")
            raise ValueError(
                f"the detector learns masks, and the annotations of {name} have boxes alone: load "
                "them in the training pipeline, dict(type='mmdet.LoadAnnotations', "
                "with_bbox=True, with_mask=True), or take a detector without a mask head"
            )


def pad_masks(samples: Sequence[DetDataSample], sizes_hw: Sequence[Hw], padded_hw: Hw) -> None:
    """Pad annotated masks as a detector's preprocessor padded the images.

    Its own ``pad_mask`` does so too, where a config sets it.

    Args:
        samples: The detector's samples after its preprocessor, changed; those without masks stay.
        sizes_hw: Height and width of each image as it was handed to the preprocessor.
        padded_hw: Height and width of the batch.

    Raises:
        ValueError: A batch augmentation gave images another size and left their masks behind.
    """
    for sample, hw in zip(samples, sizes_hw, strict=True):
        instances = sample.gt_instances
        if "masks" not in instances:
            continue
        img_hw = tuple(sample.img_shape[:2])
        if img_hw != tuple(hw):
            raise ValueError(
                f"batch_augments of the detector's data_preprocessor resized an image of {hw} "
                f"(height, width) to {img_hw} and left its masks behind: take it out of "
                "detector.data_preprocessor, and resize with handoff=dict(resize=...)"
            )
        instances.masks = instances.masks.pad(padded_hw)


def without_masks(instances: InstanceData) -> InstanceData:
    """A record of instances of its own, with all that they have but masks.

    Args:
        instances: They stay what they are, which a sample's ``clone`` shares with its copy.
    """
    bare = InstanceData(metainfo=instances.metainfo)
    for key, value in instances.items():
        if key != "masks":
            bare.set_field(value, key)
    return bare


def turned_masks(masks: BitmapMasks | PolygonMasks) -> BitmapMasks | PolygonMasks:
    """Masks of an image that was turned by 90 degrees counter-clockwise, as ``np.rot90`` turns.

    Args:
        masks: N masks of an image of height H and width W, of either kind.

    Returns:
        N masks of the same kind, of an image of height W and width H.
    """
    height = masks.width
    width = masks.height
    if isinstance(masks, BitmapMasks):
        pixels = np.rot90(masks.masks, axes=(1, 2))
        pixels = np.ascontiguousarray(pixels)
        return BitmapMasks(pixels, height, width)
    objects = []
    for polygons in masks.masks:
        turned = [_turned(polygon, masks.width) for polygon in polygons]
        objects.append(turned)
    return PolygonMasks(objects, height, width)


def _turned(polygon: NDArray[Any], width: int) -> NDArray[Any]:
    """One polygon (x, y, x, y, ...) of an image of that width, turned with it."""
    turned = np.empty_like(polygon)
    turned[0::2] = polygon[1::2]
    turned[1::2] = width - polygon[0::2]
    return turned
