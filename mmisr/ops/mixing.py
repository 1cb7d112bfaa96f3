"""A patchwork of two versions of an image."""

from __future__ import annotations

import torch
from torch import Tensor

from mmisr.structures.frames import hw_of


def patch_mix(sr: Tensor, hr: Tensor, from_sr: Tensor) -> Tensor:
    """A patchwork of two versions of an image.

    Source: cross-quality patch mix of SR4IR (CVPR 2024), section 3.3.

    Args:
        sr: (3, H, W).
        hr: (3, H, W).
        from_sr: (rows, cols) bool, which patches are of ``sr``.

    Returns:
        (3, H, W).
    """
    height, width = hw_of(sr)
    rows, cols = from_sr.shape
    y = torch.arange(height)
    x = torch.arange(width)
    y_in_patches = y * rows
    x_in_patches = x * cols
    row_of = y_in_patches // height
    col_of = x_in_patches // width
    by_row = from_sr[row_of]
    chosen = by_row[:, col_of]
    on_device = chosen.to(sr.device)
    return torch.where(on_device, sr, hr)
