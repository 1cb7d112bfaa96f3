"""Masks as mmdet loads them: bitmaps or polygons, in the pixels of ``results['img']``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.openmmlab.stack import prepare

prepare()

from mmdet.structures.mask import BitmapMasks, PolygonMasks

__all__ = ["BitmapMasks", "PolygonMasks", "bool_masks", "turned_masks"]


def bool_masks(masks: Any) -> Tensor:
    """Masks of any kind as pixels.

    Args:
        masks: mmdet's bitmaps or polygons, or an (N, H, W) array or tensor.

    Returns:
        (N, H, W) bool.
    """
    pixels = masks.to_ndarray() if hasattr(masks, "to_ndarray") else masks
    return torch.as_tensor(pixels).bool()


def turned_masks(masks: BitmapMasks | PolygonMasks) -> BitmapMasks | PolygonMasks:
    """Masks of an image that was turned by 90 degrees counter-clockwise, as ``np.rot90`` turns.

    Args:
        masks: N masks of an image of height H and width W, of either kind.

    Returns:
        N masks of the same kind, of an image of height W and width H.
    """
    hw = masks.width, masks.height
    if isinstance(masks, BitmapMasks):
        pixels = np.rot90(masks.masks, axes=(1, 2))
        return BitmapMasks(np.ascontiguousarray(pixels), *hw)
    objects = []
    for polygons in masks.masks:
        objects.append([_turned(polygon, masks.width) for polygon in polygons])
    return PolygonMasks(objects, *hw)


def _turned(polygon: NDArray[Any], width: int) -> NDArray[Any]:
    """One polygon (x, y, x, y, ...) of an image of that width, turned with it."""
    turned = np.empty_like(polygon)
    turned[0::2] = polygon[1::2]
    turned[1::2] = width - polygon[0::2]
    return turned
