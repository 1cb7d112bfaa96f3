"""Blur, and the kernels of it: Gaussians and their relatives, a sinc, a disc, a line."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

PARTS = 16
"""Into so many parts along each axis a pixel is cut, where a shape is drawn."""

FFT_STEP = 32
"""Transforms are of multiples of so many values: lengths of large prime factors are slow."""


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
    squared = _squared_distances(sigma_xy, angle, side)
    kernel = torch.exp(-0.5 * squared)
    return kernel / kernel.sum()


def generalised_kernel(
    sigma_xy: tuple[float, float], beta: float, angle: float = 0.0, side: int | None = None
) -> Tensor:
    """A Gaussian whose squared distance is raised to a power: flatter above 1, peaked below.

    Source: Real-ESRGAN (Wang et al., ICCVW 2021), section 3.1.

    Args:
        sigma_xy: As for :func:`gaussian_kernel`.
        beta: The power, positive; 1 is the Gaussian itself.
        angle: As for :func:`gaussian_kernel`.
        side: As for :func:`gaussian_kernel`.

    Returns:
        (k, k) float64 with k odd; sums to 1.

    Raises:
        ValueError: ``beta`` is not positive, or as :func:`gaussian_kernel`.

    Example:
        >>> generalised_kernel((1.0, 1.0), 2.0, side=5).shape
        torch.Size([5, 5])
    """
    _check_beta(beta)
    squared = _squared_distances(sigma_xy, angle, side)
    kernel = torch.exp(-0.5 * squared**beta)
    return kernel / kernel.sum()


def plateau_kernel(
    sigma_xy: tuple[float, float], beta: float, angle: float = 0.0, side: int | None = None
) -> Tensor:
    """A kernel with a plateau: 1 / (1 + squared distance to a power).

    Source: Real-ESRGAN (Wang et al., ICCVW 2021), section 3.1.

    Args:
        sigma_xy: As for :func:`gaussian_kernel`.
        beta: The power, positive.
        angle: As for :func:`gaussian_kernel`.
        side: As for :func:`gaussian_kernel`.

    Returns:
        (k, k) float64 with k odd; sums to 1.

    Raises:
        ValueError: ``beta`` is not positive, or as :func:`gaussian_kernel`.

    Example:
        >>> plateau_kernel((1.0, 1.0), 2.0, side=5).shape
        torch.Size([5, 5])
    """
    _check_beta(beta)
    squared = _squared_distances(sigma_xy, angle, side)
    kernel = 1 / (1 + squared**beta)
    return kernel / kernel.sum()


def sinc_kernel(cutoff: float, side: int) -> Tensor:
    """The ideal low-pass of a circle of frequencies, cut to a square: it rings.

    Source: Real-ESRGAN (Wang et al., ICCVW 2021), equation 6.

    Args:
        cutoff: Radius of the circle in radians a pixel, above 0, to pi.
        side: k, odd.

    Returns:
        (k, k) float64; sums to 1, with negative values.

    Raises:
        ValueError: ``cutoff`` is out of range, or ``side`` is not odd.

    Example:
        >>> sinc_kernel(1.5, 7).shape
        torch.Size([7, 7])
    """
    if not 0 < cutoff <= math.pi:
        raise ValueError(f"cutoff must be above 0 and at most pi, got {cutoff}")
    x, y = _grid(_half(side))
    radius = torch.hypot(x, y)
    middle = side // 2
    # The limit of J1(w r) / r for r to 0 is w / 2.
    radius[middle, middle] = 1.0
    kernel = torch.special.bessel_j1(cutoff * radius) / radius
    kernel[middle, middle] = cutoff / 2
    return kernel / kernel.sum()


def disc_kernel(radius: float) -> Tensor:
    """A lens out of focus: each pixel weighs as much of the disc as it holds.

    Args:
        radius: Of the disc in pixels, positive.

    Returns:
        (k, k) float64, k as small as holds the disc; sums to 1.

    Raises:
        ValueError: ``radius`` is not positive.

    Example:
        >>> disc_kernel(0.5)
        tensor([[1.]], dtype=torch.float64)
    """
    if radius <= 0:
        raise ValueError(f"radius must be positive, got {radius}")
    half = math.ceil(radius - 0.5)
    side = 2 * half + 1
    fine = _grid_of_parts(half)
    y, x = torch.meshgrid(fine, fine, indexing="ij")
    is_inside = torch.hypot(x, y) <= radius
    shares = is_inside.double().view(side, PARTS, side, PARTS)
    kernel = shares.mean((1, 3))
    return kernel / kernel.sum()


def line_kernel(length: float, angle: float) -> Tensor:
    """Motion along a line: each point of it is shared among the four pixels around.

    Args:
        length: Of the line in pixels, at least 1.
        angle: In radians from x, with y pointing down.

    Returns:
        (k, k) float64, k as small as holds the line in every direction; sums to 1.

    Raises:
        ValueError: ``length`` is below 1.

    Example:
        >>> line_kernel(2.0, 0.0)[1]
        tensor([0.2500, 0.5000, 0.2500], dtype=torch.float64)
    """
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")
    reach = (length - 1) / 2
    half = math.ceil(reach)
    count = 1 + 2 * math.ceil(PARTS * reach)
    along = torch.linspace(-reach, reach, count, dtype=torch.float64)
    # The ends stand for half a step each.
    ends = torch.tensor([0, -1])
    weights = torch.ones_like(along)
    weights[ends] = 0.5
    x, y = _grid(half)
    near_x = (1 - (x[..., None] - along * math.cos(angle)).abs()).clamp(min=0)
    near_y = (1 - (y[..., None] - along * math.sin(angle)).abs()).clamp(min=0)
    kernel = (near_x * near_y) @ weights
    return kernel / kernel.sum()


def _check_beta(beta: float) -> None:
    if beta <= 0:
        raise ValueError(f"beta must be positive, got {beta}")


def _squared_distances(sigma_xy: tuple[float, float], angle: float, side: int | None) -> Tensor:
    """(k, k): distances from the middle in standard deviations, squared."""
    if min(sigma_xy) <= 0:
        raise ValueError(f"sigma_xy must be positive, got {sigma_xy}")
    x, y = _grid(_radius(sigma_xy, side))
    cos = math.cos(angle)
    sin = math.sin(angle)
    along = x * cos + y * sin
    across = y * cos - x * sin
    sigma_along, sigma_across = sigma_xy
    return (along / sigma_along) ** 2 + (across / sigma_across) ** 2


def _grid(radius: int) -> tuple[Tensor, Tensor]:
    """Coordinates x and y of whole pixels around the middle."""
    axis = torch.arange(-radius, radius + 1, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x, y


def _grid_of_parts(radius: int) -> Tensor:
    """Middles of the parts that pixels are cut into along one axis."""
    count = (2 * radius + 1) * PARTS
    parts = torch.arange(count, dtype=torch.float64)
    return (parts + 0.5) / PARTS - radius - 0.5


def _half(side: int) -> int:
    """Pixels on each side of the middle."""
    if side < 1 or side % 2 == 0:
        raise ValueError(f"side must be odd and at least 1, got {side}")
    return side // 2


def _radius(sigma_xy: tuple[float, float], side: int | None) -> int:
    """Pixels on each side of the middle."""
    if side is None:
        reach = math.ceil(3 * max(sigma_xy))
        return max(1, reach)
    return _half(side)


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
    _check_kernel(kernel)
    side = kernel.shape[0]
    channels = image.shape[1]
    radius = side // 2
    padded = F.pad(image, [radius] * 4, mode="replicate")
    weight = kernel.to(image)
    weight = weight.expand(channels, 1, side, side)
    return F.conv2d(padded, weight, groups=channels)


def blur_by_fft(image: Tensor, kernel: Tensor) -> Tensor:
    """The same as :func:`blur` in a time that hardly grows with the kernel.

    In float64 torch filters with 21 x 21 pixels a hundred times slower. Values differ in their last
    bits.

    Args:
        image: (B, C, H, W), float32 or float64.
        kernel: (k, k) with k odd, centred.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: The kernel is not square with an odd side.

    Example:
        >>> blur_by_fft(torch.ones(1, 3, 4, 5), torch.full((3, 3), 1 / 9)).shape
        torch.Size([1, 3, 4, 5])
    """
    _check_kernel(kernel)
    height, width = image.shape[-2:]
    radius = kernel.shape[0] // 2
    padded = F.pad(image, [radius] * 4, mode="replicate")
    size = [_fast_length(side) for side in padded.shape[-2:]]
    # A filter is a correlation: the kernel's spectrum is conjugated.
    spectrum = torch.fft.rfft2(kernel.to(image), s=size).conj()
    product = torch.fft.rfft2(padded, s=size) * spectrum
    filtered = torch.fft.irfft2(product, s=size)
    return filtered[..., :height, :width]


def _fast_length(side: int) -> int:
    """A length from this one on that a Fourier transform is fast at."""
    return math.ceil(side / FFT_STEP) * FFT_STEP


def _check_kernel(kernel: Tensor) -> None:
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise ValueError(f"kernel must be (k, k) with k odd, got {tuple(kernel.shape)}")
