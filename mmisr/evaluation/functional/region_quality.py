"""PSNR and SSIM of an image: whole, inside boxes and outside of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmisr.structures.checks import check_hw, check_xyxy
from mmisr.structures.frames import hw_of

REGIONS = ("whole", "in_box", "out_box")
SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2


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
    mask = torch.zeros(check_hw(hw), dtype=torch.bool)
    for x1, y1, x2, y2 in (
        torch.ceil(check_xyxy(xyxy).detach().cpu().double() - 0.5).clamp(min=0).long().tolist()
    ):
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
    h, w = first.shape[-2:]
    if min(h, w) < SSIM_WINDOW:
        return first.new_zeros((max(h - SSIM_WINDOW + 1, 0), max(w - SSIM_WINDOW + 1, 0)))
    offsets = torch.arange(SSIM_WINDOW, dtype=first.dtype, device=first.device) - SSIM_WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    kernel = (weights / weights.sum()).tolist()
    moments = torch.stack([first, second, first * first, second * second, first * second])
    mean_1, mean_2, square_1, square_2, product = _smooth(_smooth(moments, kernel, -2), kernel, -1)
    var_1, var_2, covariance = square_1 - mean_1**2, square_2 - mean_2**2, product - mean_1 * mean_2
    luminance = (2 * mean_1 * mean_2 + SSIM_C1) / (mean_1**2 + mean_2**2 + SSIM_C1)
    return (luminance * (2 * covariance + SSIM_C2) / (var_1 + var_2 + SSIM_C2)).mean(0)


def _smooth(values: Tensor, kernel: list[float], dim: int) -> Tensor:
    """Weighted sum along one axis where the kernel fits.

    In double precision far faster than ``conv2d``.
    """
    length = values.shape[dim] - len(kernel) + 1
    total = torch.zeros_like(values.narrow(dim, 0, length))
    for start, weight in enumerate(kernel):
        total.add_(values.narrow(dim, start, length), alpha=weight)
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
    inside = _cropped(box_mask(xyxy, hw_of(sr)), crop_border)
    squared = ((first - second) ** 2).mean(0)
    similarity = ssim_map(first, second)
    margin = SSIM_WINDOW // 2
    inner = inside[margin : margin + similarity.shape[0], margin : margin + similarity.shape[1]]
    figures = {}
    regions = (
        (torch.ones_like(inside), torch.ones_like(inner)),
        (inside, inner),
        (~inside, ~inner),
    )
    for name, (mask, inner_mask) in zip(REGIONS, regions, strict=True):
        figures[f"psnr_{name}"] = _psnr(squared[mask])
        figures[f"ssim_{name}"] = (
            float(similarity[inner_mask].mean()) if inner_mask.any() else math.nan
        )
    return figures


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
    first, second = (_cropped(image.detach().cpu().double(), crop_border) for image in (sr, hr))
    return first, second


def _cropped(image: Tensor, border: int) -> Tensor:
    h, w = image.shape[-2:]
    return image[..., border : h - border, border : w - border]


def _psnr(squared: Tensor) -> float:
    if not squared.numel():
        return math.nan
    mse = float(squared.mean())
    return math.inf if mse == 0 else -10 * math.log10(mse)
