"""Peak signal-to-noise ratio."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

PEAK = 255.0
BEST = 100.0
"""In dB, of images that are equal."""


def mse_of_levels(sr: Tensor, hr: Tensor, shave: int = 0) -> Tensor:
    """Mean squared error of each image of a batch.

    Args:
        sr: (B, 3, H, W) uint8 RGB.
        hr: The same.
        shave: Pixels at every border that do not count; none by default.

    Returns:
        (B,) float64, in squared levels.

    Raises:
        ValueError: The shapes differ, or nothing is left.
    """
    height, width = sr.shape[-2:]
    lost = 2 * shave
    if sr.shape != hr.shape or min(height, width) <= lost:
        found = tuple(sr.shape)
        other = tuple(hr.shape)
        raise ValueError(
            f"images must have one shape, and more than {lost} pixels on each side, got "
            f"{found} and {other}"
        )
    bottom = height - shave
    right = width - shave
    rows = slice(shave, bottom)
    columns = slice(shave, right)
    difference = sr.double() - hr.double()
    inside = difference[..., rows, columns]
    squared = inside.square()
    of_images = squared.flatten(1)
    return of_images.mean(1)


def psnr_of_levels(sr: Tensor, hr: Tensor, shave: int = 0) -> Tensor:
    """PSNR of each image of a batch.

    Args:
        sr: (B, 3, H, W) uint8 RGB.
        hr: The same.
        shave: Pixels at every border that do not count; none by default.

    Returns:
        (B,) float64, in dB; 100 for equal images.

    Raises:
        ValueError: As :func:`mse_of_levels`.

    Example:
        >>> black = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
        >>> round(psnr_of_levels(black, black + 1).item(), 2)
        48.13
    """
    mse = mse_of_levels(sr, hr, shave)
    return psnr_of_mse(mse)


def psnr_of_mse(mse: Tensor) -> Tensor:
    """PSNR of mean squared errors.

    Args:
        mse: In squared levels, of any shape.

    Returns:
        The same shape, in dB; 100 at most.
    """
    ratio = PEAK**2 / mse
    decibels = 10 * torch.log10(ratio)
    return decibels.clamp(max=BEST)


def psnr_of_unit(sr: Tensor, hr: Tensor) -> Tensor:
    """PSNR of a whole batch of pixels in [0, 1], all its images together.

    Args:
        sr: (B, 3, H, W) RGB; clamped to [0, 1].
        hr: The same shape, in [0, 1].

    Returns:
        Scalar, in dB, 120 at most; without gradients of use.
    """
    mse = F.mse_loss(sr.clamp(0, 1), hr)
    return -10 * torch.log10(mse.clamp(min=1e-12))
