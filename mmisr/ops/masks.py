"""Masks of objects in another frame."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.structures.checks import check_hw

HALF = 0.5
"""Share of a pixel that an object must cover to have it."""

ROUNDING = 1e-6
"""What sums of shares may be off by."""

AT_ONCE = 16
"""Masks that are resized together: their shares are floats, four times the masks themselves."""


def resize_masks(masks: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Masks in a frame of another size, by the area that the objects cover there.

    A pixel belongs to an object that covers at least half of it. An object too thin for any such
    pixel keeps those that it covers most of: small objects do not vanish.

    Convention: as for boxes, edges of pixels lie on whole numbers and scale by pure multiplication
    (:meth:`mmisr.structures.frames.FrameMap.between`), by any factor on each axis.

    Args:
        masks: (N, H, W) bool.
        size_hw: Height and width in the other frame.

    Returns:
        (N, h, w) bool; the input itself where the size does not change.

    Raises:
        ValueError: ``masks`` is not (N, H, W), or the size is not two positive integers.
        TypeError: ``masks`` is not bool.

    Example:
        >>> masks = torch.tensor([[[1, 1, 0, 0], [1, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 1, 0]]])
        >>> resize_masks(masks.bool(), (1, 2)).int().tolist()
        [[[1, 0]], [[0, 1]]]
    """
    size = check_hw(size_hw, "size_hw")
    if masks.ndim != 3 or 0 in masks.shape[1:]:
        raise ValueError(f"masks must have shape (N, H, W), got {tuple(masks.shape)}")
    if masks.dtype != torch.bool:
        raise TypeError(f"masks must be bool, got {masks.dtype}; compare them with 0 first")
    if masks.shape[1:] == size:
        return masks
    parts = [_resized(part, size) for part in masks.split(AT_ONCE)]
    return torch.cat(parts)


def _resized(masks: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """(N, h, w) bool of (N, H, W) bool."""
    share = _covered_share(masks.float(), size_hw)
    largest = share.amax((1, 2), keepdim=True)
    enough = largest.clamp(max=HALF) - ROUNDING
    is_covered = share > 0
    return is_covered & (share >= enough)


def _covered_share(masks: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """(N, h, w) share of each pixel of the other frame that (N, H, W) masks cover."""
    _, height, width = masks.shape
    if _whole(height, size_hw[0]) and _whole(width, size_hw[1]):
        # The mean over whole pixels; for other factors PyTorch's area mode rounds to whole pixels.
        images = masks[:, None]
        return F.interpolate(images, size_hw, mode="area").squeeze(1)
    rows = _shares(height, size_hw[0])
    cols = _shares(width, size_hw[1])
    by_row = rows.to(masks) @ masks
    return by_row @ cols.to(masks).mT


def _whole(size_in: int, size_out: int) -> bool:
    return size_in % size_out == 0 or size_out % size_in == 0


def _shares(size_in: int, size_out: int) -> Tensor:
    """(size_out, size_in) share of each output pixel that each input pixel covers, on one axis."""
    step = size_in / size_out
    starts = torch.arange(size_out, dtype=torch.float64)
    starts = starts[:, None] * step
    pixels = torch.arange(size_in, dtype=torch.float64)
    first = torch.maximum(starts, pixels)
    last = torch.minimum(starts + step, pixels + 1)
    overlap = last - first
    return overlap.clamp(min=0) / step
