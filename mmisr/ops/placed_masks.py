"""Masks as the pixels around an object, so that memory grows with objects and not with images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.ops.masks import AT_ONCE, resize_masks
from mmisr.structures.frames import hw_of


@dataclass(frozen=True)
class PlacedMask:
    """The part of an image's mask that holds an object.

    Args:
        pixels: (h, w) bool, no larger than what is covered; (0, 0) where nothing is.
        x: Its first column in the image.
        y: Its first row.
    """

    pixels: Tensor
    x: int
    y: int

    def write(self, image: Tensor) -> None:
        """Set the covered pixels.

        Args:
            image: (H, W) bool, changed.
        """
        height, width = self.pixels.shape
        rows = slice(self.y, self.y + height)
        cols = slice(self.x, self.x + width)
        image[rows, cols] = self.pixels


def placed(
    masks: Tensor, corner_xy: tuple[int, int] = (0, 0), size_hw: tuple[int, int] | None = None
) -> list[PlacedMask]:
    """Cut masks down to what they cover; the memory of the others is free then.

    Args:
        masks: (N, h, w) bool.
        corner_xy: Column and row of their first pixel in the image.
        size_hw: Height and width that they are resized to first, a few at a time
            (:func:`mmisr.ops.masks.resize_masks`); None for their own.

    Example:
        >>> mask = torch.tensor([[[0, 0, 0], [0, 1, 1]]]).bool()
        >>> [part] = placed(mask, (10, 20))
        >>> part.x, part.y, tuple(part.pixels.shape)
        (11, 21, (1, 2))
    """
    size = size_hw or hw_of(masks)
    parts: list[PlacedMask] = []
    for few in masks.split(AT_ONCE):
        for mask in resize_masks(few, size):
            part = _cut(mask, corner_xy)
            parts.append(part)
    return parts


def _cut(mask: Tensor, corner_xy: tuple[int, int]) -> PlacedMask:
    x, y = corner_xy
    rows = mask.any(1)
    cols = mask.any(0)
    top, bottom = _span(rows)
    left, right = _span(cols)
    part = mask[top:bottom, left:right]
    return PlacedMask(
        pixels=part.clone(),
        x=x + left,
        y=y + top,
    )


def _span(is_covered: Tensor) -> tuple[int, int]:
    """The first of the covered rows or columns, and the one behind the last."""
    covered = is_covered.nonzero()
    if not len(covered):
        return 0, 0
    first = int(covered[0])
    last = int(covered[-1])
    return first, last + 1


def pasted(masks: Sequence[PlacedMask], hw: tuple[int, int], device: torch.device) -> Tensor:
    """Masks of a whole image.

    Args:
        masks: N of them.
        hw: Height and width of the image.
        device: Where the result is to be.

    Returns:
        (N, H, W) bool.

    Example:
        >>> part = PlacedMask(torch.ones(1, 2, dtype=torch.bool), x=1, y=0)
        >>> pasted([part], (2, 3), torch.device("cpu")).int().tolist()
        [[[0, 1, 1], [0, 0, 0]]]
    """
    shape = (len(masks), *hw)
    images = torch.zeros(shape, dtype=torch.bool, device=device)
    for mask, image in zip(masks, images, strict=True):
        mask.write(image)
    return images
