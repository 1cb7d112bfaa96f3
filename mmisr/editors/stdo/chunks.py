"""Patches of frames, their parts, and the chunks they are sorted into by how hard they are."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mmisr.ops.patches import split, stitch
from mmisr.ops.psnr import psnr_of_mse
from mmisr.structures.frames import hw_of


def patch_hw(hw: tuple[int, int], grid: tuple[int, int]) -> tuple[int, int]:
    """The size of the patches of a frame, which cover it.

    They do not overlap, but for the last of a row or column where the grid does not divide the
    frame: it is flush with the border (:func:`mmisr.ops.patches.split`).

    Args:
        hw: Height and width of the LR frame.
        grid: Rows and columns of patches.

    Returns:
        Height and width in LR pixels.

    Raises:
        ValueError: Patches of one size cannot be so many: fewer would cover the frame.

    Example:
        >>> patch_hw((270, 480), (5, 10)), patch_hw((270, 480), (4, 7))
        ((54, 48), (68, 69))
    """
    height, width = hw
    rows, cols = grid
    high = _side(height, rows)
    wide = _side(width, cols)
    if high is None or wide is None:
        raise ValueError(
            f"grid must be (rows, columns) of patches of one size that cover the LR frame of "
            f"{height} x {width}, got {rows} x {cols}: fewer cover it; choose a coarser grid"
        )
    return high, wide


def _side(length: int, count: int) -> int | None:
    """The side of so many patches that cover a length; None where fewer of that side do."""
    if count < 1:
        return None
    side = math.ceil(length / count)
    needed = math.ceil(length / side)
    return side if needed == count else None


def equal_chunks(psnr: Tensor, k: int) -> Tensor:
    """Sort patches into chunks of equal count by their PSNR, the hardest into chunk 0.

    Source: STDO (CVPR 2023) and its code: thresholds are the PSNR at the ranks int((i + 1) N / k)
    of the sorted list, and chunk j holds what lies above the threshold before and not above its
    own. Patches of equal PSNR are sorted by number here, so that counts differ by one at most.

    Args:
        psnr: (N,) in dB, under the general network.
        k: Number of chunks.

    Returns:
        (N,) int64, the chunk of each patch.

    Raises:
        ValueError: There are fewer patches than chunks, or k is below 1.

    Example:
        >>> equal_chunks(torch.tensor([40.0, 20.0, 30.0, 25.0, 35.0]), 2)
        tensor([1, 0, 1, 0, 1])
    """
    count = len(psnr)
    if not 1 <= k <= count:
        raise ValueError(
            f"k must be from 1 to the number of patches, {count}, got {k}; take fewer chunks or a "
            "finer grid"
        )
    order = psnr.argsort(stable=True)
    chunks = torch.empty(count, dtype=torch.int64)
    begin = 0
    for chunk in range(k):
        end = (chunk + 1) * count // k
        chunks[order[begin:end]] = chunk
        begin = end
    return chunks


def split_tiles(psnr: Tensor, at: float) -> Tensor:
    """Sort tiles into those that are split into four, chunk 0, and those that stay whole, chunk 1.

    Source: Dy-DCA (ECCV 2024) and its code.

    Args:
        psnr: (N,) in dB, under the general network.
        at: A tile of this PSNR or less is split.

    Returns:
        (N,) int64, the chunk of each tile.

    Example:
        >>> split_tiles(torch.tensor([39.9, 40.0, 40.1]), 40.0)
        tensor([0, 0, 1])
    """
    is_easy = psnr > at
    return is_easy.long()


def by_parts(net: Callable[[Tensor], Tensor], patches: Tensor, parts: int, scale: int) -> Tensor:
    """Enlarge patches part by part, and put the parts together as patches of a frame are.

    Args:
        net: From (n, 3, h, w) to (n, 3, s*h, s*w).
        patches: (N, 3, h, w).
        parts: Parts along each side; 1 enlarges patches as they are.
        scale: Factor per axis.

    Returns:
        (N, 3, s*h, s*w).

    Example:
        >>> by_parts(torch.nn.Upsample(scale_factor=2), torch.rand(3, 3, 5, 8), 2, 2).shape
        torch.Size([3, 3, 10, 16])
    """
    if parts == 1:
        return net(patches)
    height, width = hw_of(patches)
    size = patch_hw((height, width), (parts, parts))
    pieces = split(patches, size)
    enlarged = net(pieces)
    return stitch(enlarged, (scale * height, scale * width))


def pooled_psnr(mse: Tensor) -> float:
    """PSNR of a clip: of the mean of the squared errors of all its patches.

    Not the mean of the patches' PSNR, in which easy patches would make up for hard ones.

    Args:
        mse: Mean squared errors of patches of one size, in squared levels of 255; any shape.

    Returns:
        In dB; 100 at most.

    Example:
        >>> round(pooled_psnr(torch.tensor([1.0, 0.0])), 3)
        51.141
    """
    pooled = mse.double().mean()
    return float(psnr_of_mse(pooled))
