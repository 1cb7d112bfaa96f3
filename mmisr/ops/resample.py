"""Resizing of images, plain torch, with one stated convention for every kernel."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.structures.checks import check_hw

MODES = ("nearest", "bilinear", "bicubic", "area", "lanczos")


def _triangle(x: Tensor) -> Tensor:
    return (1 - x.abs()).clamp(min=0)


def _cubic(x: Tensor) -> Tensor:
    """Keys' cubic with a = -0.5, MATLAB's (torch and cv2 use -0.75)."""
    x = x.abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    outer = torch.where(x <= 2, far, torch.zeros_like(x))
    return torch.where(x <= 1, near, outer)


def _lanczos3(x: Tensor) -> Tensor:
    lobes = torch.sinc(x) * torch.sinc(x / 3)
    return torch.where(x.abs() < 3, lobes, torch.zeros_like(x))


KERNELS: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_cubic, 2),
    "lanczos": (_lanczos3, 3),
}
"""Kernel and half-width by mode."""


def resize(
    image: Tensor, size_hw: tuple[int, int], mode: str = "bicubic", antialias: bool = True
) -> Tensor:
    """Resize a batch of images.

    Source: MATLAB's ``imresize``: the kernel is stretched by the reduction factor when shrinking
    with ``antialias``, and the image is mirrored at its border, edge pixel included.

    Convention: pixel centres lie at half-integers (align_corners=False), so output centre ``i``
    reads input position ``(i + 0.5) * in / out - 0.5``. Values are neither clamped nor rounded:
    cubic and lanczos overshoot.

    Args:
        image: (B, C, H, W), floating point.
        size_hw: Output height and width.
        mode: One of ``nearest``, ``bilinear``, ``bicubic`` (a = -0.5), ``area`` (mean over the
            covered pixels) and ``lanczos`` (three lobes).
        antialias: Whether to filter when shrinking, which is the default; for the kernels, not for
            nearest and area.

    Returns:
        (B, C, *size_hw); the input itself where the size does not change.

    Raises:
        ValueError: An unknown mode, a size that is not two positive integers, or an image that is
            not (B, C, H, W).
        TypeError: The image is not floating point.

    Example:
        >>> resize(torch.ones(1, 3, 4, 6), (8, 12)).shape
        torch.Size([1, 3, 8, 12])
    """
    if mode not in MODES:
        raise ValueError(f"resize mode must be one of {MODES}, got {mode!r}")
    h, w = check_hw(size_hw, "size_hw")
    _check_batch(image)
    if image.shape[-2:] == (h, w):
        return image
    if mode == "nearest":
        return F.interpolate(image, size=(h, w), mode="nearest-exact")
    if mode == "area":
        return F.interpolate(image, size=(h, w), mode="area")
    tall = _along_height(image, h, mode, antialias)
    # Rows are contiguous: filtering them and turning the image twice is faster than gathering along
    # the width.
    turned = tall.mT.contiguous()
    return _along_height(turned, w, mode, antialias).mT.contiguous()


def bilinear(image: Tensor, scale: int) -> Tensor:
    """Enlarge by a whole factor, as networks do that add to what they enlarge.

    Convention: pixel centres lie at half-integers (align_corners=False).

    Args:
        image: (B, C, h, w).
        scale: The factor; 1 gives the image itself.

    Example:
        >>> bilinear(torch.ones(1, 3, 2, 5), 4).shape
        torch.Size([1, 3, 8, 20])
    """
    if scale == 1:
        return image
    return F.interpolate(image, scale_factor=scale, mode="bilinear", align_corners=False)


def _check_batch(image: Tensor) -> None:
    if image.ndim != 4 or 0 in image.shape:
        raise ValueError(
            f"image must have shape (B, C, H, W) with no empty axis, got {tuple(image.shape)}"
        )
    if not image.is_floating_point():
        raise TypeError(
            f"image must be floating point, got {image.dtype}; divide 8-bit pixels by 255 first"
        )


def _along_height(image: Tensor, size: int, mode: str, antialias: bool) -> Tensor:
    if image.shape[-2] == size:
        return image
    indices, weights = _taps(image.shape[-2], size, mode, antialias)
    indices = indices.to(image.device)
    weights = weights.to(image).unsqueeze(-1)
    total = image.index_select(-2, indices[0]) * weights[0]
    for index, weight in zip(indices[1:], weights[1:], strict=True):
        rows = image.index_select(-2, index)
        total = torch.addcmul(total, rows, weight)
    return total


def _taps(size_in: int, size_out: int, mode: str, antialias: bool) -> tuple[Tensor, Tensor]:
    """What every output pixel reads along one axis.

    Returns:
        Indices of input pixels and their weights, both (taps, size_out).
    """
    kernel, radius = KERNELS[mode]
    stretch = max(1.0, size_in / size_out) if antialias else 1.0
    reach = radius * stretch
    pixels = torch.arange(size_out, dtype=torch.float64)
    centres = (pixels + 0.5) * size_in / size_out - 0.5
    first = torch.floor(centres - reach)
    count = math.ceil(2 * reach) + 2
    steps = torch.arange(count, dtype=torch.float64)
    taps = first + steps[:, None]
    distances = centres - taps
    weights = kernel(distances / stretch)
    weights = weights / weights.sum(0)
    # A tap beyond the kernel on all pixels is not worth a pass over the image.
    used = weights.abs().amax(1) > 1e-12
    indices = _mirror(taps[used].long(), size_in)
    return indices, weights[used]


def _mirror(indices: Tensor, size: int) -> Tensor:
    """Reflect indices at the borders, edge pixel repeated: ... 1 0 | 0 1 2 ..."""
    indices = indices.remainder(2 * size)
    return torch.where(indices < size, indices, 2 * size - 1 - indices)
