"""Gaussian blur, isotropic and anisotropic."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def gaussian_kernel(
    sigma_xy: tuple[float, float], angle: float = 0.0, side: int | None = None
) -> Tensor:
    """A normalised 2-D Gaussian.

    Args:
        sigma_xy: Standard deviations along the two axes in pixels, positive.
        angle: Rotation of the first axis in radians, counter-clockwise from x with y pointing down;
            0 by default.
        side: k, odd; None for as many pixels as three standard deviations reach.

    Returns:
        (k, k) float64 with k odd; sums to 1.

    Raises:
        ValueError: A standard deviation is not positive, or ``side`` is not odd.

    Example:
        >>> gaussian_kernel((0.5, 1.0)).shape
        torch.Size([7, 7])
    """
    if min(sigma_xy) <= 0:
        raise ValueError(f"sigma_xy must be positive, got {sigma_xy}")
    radius = _radius(sigma_xy, side)
    axis = torch.arange(-radius, radius + 1, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    cos = math.cos(angle)
    sin = math.sin(angle)
    along = x * cos + y * sin
    across = y * cos - x * sin
    sigma_along, sigma_across = sigma_xy
    squared = (along / sigma_along) ** 2 + (across / sigma_across) ** 2
    kernel = torch.exp(-0.5 * squared)
    return kernel / kernel.sum()


def _radius(sigma_xy: tuple[float, float], side: int | None) -> int:
    """Pixels on each side of the middle."""
    if side is None:
        reach = math.ceil(3 * max(sigma_xy))
        return max(1, reach)
    if side < 1 or side % 2 == 0:
        raise ValueError(f"side must be odd and at least 1, got {side}")
    return side // 2


def blur(image: Tensor, kernel: Tensor) -> Tensor:
    """Filter every channel with one kernel; the border is repeated.

    Args:
        image: (B, C, H, W), floating point.
        kernel: (k, k) with k odd, centred.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: The kernel is not square with an odd side.

    Example:
        >>> blur(torch.ones(1, 3, 4, 5), torch.full((3, 3), 1 / 9)).shape
        torch.Size([1, 3, 4, 5])
    """
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise ValueError(f"kernel must be (k, k) with k odd, got {tuple(kernel.shape)}")
    side = kernel.shape[0]
    channels = image.shape[1]
    radius = side // 2
    padded = F.pad(image, [radius] * 4, mode="replicate")
    weight = kernel.to(image)
    weight = weight.expand(channels, 1, side, side)
    return F.conv2d(padded, weight, groups=channels)
