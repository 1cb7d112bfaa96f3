"""PSNR and SSIM of an image: whole, inside boxes and outside of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mmisr.structures.checks import check_hw, check_xyxy
from mmisr.structures.frames import hw_of

REGIONS = ("whole", "in_box", "out_box")
SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
SSIM_C1 = 0.01**2
SSIM_C2 = 0.03**2


def box_mask(xyxy: Tensor, hw: tuple[int, int]) -> Tensor:
    """Mark the pixels that boxes cover.

    Convention: edges lie on pixel corners; a pixel counts where a box covers its centre.

    Args:
        xyxy: (N, 4) boxes in the image; what leaves it is cut off.
        hw: Height and width of the image.

    Returns:
        (H, W) bool on the CPU, true inside any box.

    Example:
        >>> box_mask(torch.tensor([[1.0, 0.0, 3.0, 1.0]]), (2, 4)).int().tolist()
        [[0, 1, 1, 0], [0, 0, 0, 0]]
    """
    hw = check_hw(hw)
    xyxy = check_xyxy(xyxy)
    mask = torch.zeros(hw, dtype=torch.bool)
    edges = xyxy.detach().cpu().double()
    # The centre of pixel i lies at i + 0.5.
    pixels = torch.ceil(edges - 0.5)
    # A slice that began below 0 would count from the end.
    pixels = pixels.clamp(min=0)
    for box in pixels.long().tolist():
        x1, y1, x2, y2 = box
        mask[y1:y2, x1:x2] = True
    return mask


def ssim_map(first: Tensor, second: Tensor) -> Tensor:
    """SSIM at every pixel whose window lies wholly in the image.

    Source: Wang et al., "Image quality assessment: from error visibility to structural similarity",
    2004: an 11x11 Gaussian of sigma 1.5, K1 = 0.01, K2 = 0.03. Its mean is the SSIM of
    scikit-image, mmagic and the authors' code.

    Args:
        first: (C, H, W) in [0, 1], double precision.
        second: (C, H, W), alike.

    Returns:
        (H - 10, W - 10), the mean over channels; the entry at (0, 0) belongs to pixel (5, 5). Empty
        for an image smaller than the window.
    """
    hw = hw_of(first)
    if min(hw) < SSIM_WINDOW:
        fits = [max(side - SSIM_WINDOW + 1, 0) for side in hw]
        return first.new_zeros(fits)
    kernel = _gaussian(first)
    moments = torch.stack([first, second, first * first, second * second, first * second])
    smoothed = _smooth(moments, kernel, -2)
    smoothed = _smooth(smoothed, kernel, -1)
    mean_1, mean_2, square_1, square_2, product = smoothed
    mean_1_squared = mean_1**2
    mean_2_squared = mean_2**2
    var_1 = square_1 - mean_1_squared
    var_2 = square_2 - mean_2_squared
    covariance = product - mean_1 * mean_2
    luminance = (2 * mean_1 * mean_2 + SSIM_C1) / (mean_1_squared + mean_2_squared + SSIM_C1)
    similarity = luminance * (2 * covariance + SSIM_C2) / (var_1 + var_2 + SSIM_C2)
    return similarity.mean(0)


def _gaussian(like: Tensor) -> list[float]:
    """The weights of the window along one axis, which sum to 1, in the precision of an image."""
    offsets = torch.arange(SSIM_WINDOW, dtype=like.dtype, device=like.device)
    offsets = offsets - SSIM_WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    return (weights / weights.sum()).tolist()


def _smooth(values: Tensor, kernel: list[float], dim: int) -> Tensor:
    """Weighted sum along one axis where the kernel fits.

    In double precision far faster than ``conv2d``.
    """
    side = values.shape[dim]
    length = side - len(kernel) + 1
    first = values.narrow(dim, 0, length)
    total = torch.zeros_like(first)
    for start, weight in enumerate(kernel):
        window = values.narrow(dim, start, length)
        total.add_(window, alpha=weight)
    return total


def region_quality(sr: Tensor, hr: Tensor, xyxy: Tensor, crop_border: int = 0) -> dict[str, float]:
    """PSNR (dB) and SSIM over the whole image, inside the boxes and outside of them.

    Convention: RGB, without rounding to 8 bits, summed in double precision. PSNR of a region comes
    from the mean squared error over its pixels and channels. SSIM of a region is the mean of the
    SSIM map over its pixels; the map exists where the 11x11 window fits, so the outermost 5 pixels
    count for PSNR alone.

    Args:
        sr: (3, H, W) RGB in [0, 1].
        hr: (3, H, W) RGB in [0, 1].
        xyxy: (N, 4) boxes in the same frame.
        crop_border: Pixels left out on each side, before anything else.

    Returns:
        ``psnr_<region>`` and ``ssim_<region>`` for whole, in_box and out_box; NaN for a region
        without pixels, infinite PSNR for equal pixels.

    Raises:
        ValueError: The images differ in shape, or ``crop_border`` leaves nothing of them.
        TypeError: An image is not floating point.
    """
    first, second = _checked(sr, hr, crop_border)
    mask = box_mask(xyxy, hw_of(sr))
    in_box = _cropped(mask, crop_border)
    squared = ((first - second) ** 2).mean(0)
    similarity = ssim_map(first, second)
    masks = {
        "whole": torch.ones_like(in_box),
        "in_box": in_box,
        "out_box": ~in_box,
    }
    # SSIM exists where its window fits, half a window from the border on.
    margin = SSIM_WINDOW // 2
    figures = {}
    for name, mask in masks.items():
        inner = _within(mask, margin, similarity.shape)
        figures[f"psnr_{name}"] = _psnr(squared[mask])
        figures[f"ssim_{name}"] = _mean(similarity[inner])
    return figures


def _within(mask: Tensor, margin: int, hw: Sequence[int]) -> Tensor:
    """The part of a mask of height and width ``hw`` that begins ``margin`` from the corner."""
    height, width = hw
    return mask[margin : margin + height, margin : margin + width]


def _mean(values: Tensor) -> float:
    return float(values.mean()) if values.numel() else math.nan


def _checked(sr: Tensor, hr: Tensor, crop_border: int) -> tuple[Tensor, Tensor]:
    if sr.shape != hr.shape or sr.ndim != 3:
        raise ValueError(
            f"sr and hr must have one shape (3, H, W), got {tuple(sr.shape)} and {tuple(hr.shape)}"
        )
    for name, image in (("sr", sr), ("hr", hr)):
        if not image.is_floating_point():
            raise TypeError(
                f"{name} must be floating point in [0, 1], got {image.dtype}; divide 8-bit pixels "
                f"by 255"
            )
    if not 0 <= 2 * crop_border < min(sr.shape[-2:]):
        raise ValueError(
            f"crop_border must be >= 0 and leave pixels of an image of {tuple(sr.shape[-2:])}, got "
            f"{crop_border}"
        )
    first = _cropped(sr.detach().cpu().double(), crop_border)
    second = _cropped(hr.detach().cpu().double(), crop_border)
    return first, second


def _cropped(image: Tensor, border: int) -> Tensor:
    h, w = image.shape[-2:]
    return image[..., border : h - border, border : w - border]


def _psnr(squared: Tensor) -> float:
    if not squared.numel():
        return math.nan
    mse = float(squared.mean())
    return math.inf if mse == 0 else -10 * math.log10(mse)
