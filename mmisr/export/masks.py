"""Masks of COCO files as pixels: read, resized by whole factors, and written again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmisr.ops.masks import resize_masks

Hw = tuple[int, int]
Mask = NDArray[np.uint8]


def resize_mask(mask: Mask, hw: Hw) -> Mask:
    """Resize a mask of 0 and 1 by whole factors, as :func:`mmisr.ops.masks.resize_masks` does.

    Args:
        mask: (h, w) uint8.
        hw: Height and width of the result; each a whole multiple or fraction of the mask's.

    Returns:
        A mask of this size.

    Example:
        >>> resize_mask(np.array([[1, 0, 0, 0]], np.uint8), (1, 2)).tolist()
        [[1, 0]]
    """
    pixels = torch.from_numpy(np.ascontiguousarray(mask)) > 0
    resized = resize_masks(pixels[None], hw)
    return resized[0].numpy().astype(np.uint8)


def decode(rle: Mapping[str, Any]) -> Mask:
    """The pixels of a compressed mask, (h, w) uint8."""
    from faster_coco_eval.core import mask  # here, because it takes a second to import

    return np.asarray(mask.decode(dict(rle)), dtype=np.uint8)


def encode(pixels: Mask) -> str:
    """The ``counts`` of a compressed mask, of (h, w) pixels of 0 and 1."""
    from faster_coco_eval.core import mask

    columns = np.asfortranarray(pixels)
    counts = mask.encode(columns)["counts"]
    if isinstance(counts, bytes):
        return counts.decode()
    return str(counts)


def mask_of_runs(counts: Sequence[int], hw: Hw) -> Mask:
    """The pixels of run lengths down the columns, (h, w) uint8.

    Args:
        counts: Run lengths; the first is of zeros and may be 0.
        hw: Height and width of the mask.

    Raises:
        ValueError: The run lengths do not add up to the mask.

    Example:
        >>> mask_of_runs([1, 2, 1], (2, 2)).tolist()
        [[0, 1], [1, 0]]
    """
    height, width = hw
    num_pixels = height * width
    total = sum(counts)
    if total != num_pixels:
        raise ValueError(f"run lengths must add up to {height} x {width} pixels, got {total}")
    values = np.zeros(len(counts), dtype=np.uint8)
    values[1::2] = 1
    pixels = values.repeat(counts)
    return pixels.reshape(hw, order="F")


def runs_of_mask(pixels: Mask) -> list[int]:
    """Run lengths down the columns of (h, w) pixels; the first is of zeros and may be 0.

    Example:
        >>> runs_of_mask(np.array([[1, 0], [1, 0]], np.uint8))
        [0, 2, 2]
    """
    flat = pixels.ravel(order="F")
    changes = np.diff(flat)
    starts = np.flatnonzero(changes) + 1
    ends = [*starts.tolist(), flat.size]
    runs = [] if flat[0] == 0 else [0]
    before = 0
    for end in ends:
        runs.append(end - before)
        before = end
    return runs
