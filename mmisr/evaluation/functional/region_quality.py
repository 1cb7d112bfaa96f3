"""PSNR and SSIM of an image, inside and outside boxes."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

Mask = NDArray[np.bool_]
REGIONS = ("whole", "in_box", "out_box")


def box_mask(xyxy: Tensor, hw: tuple[int, int]) -> Mask:
    """Mark the pixels that boxes cover.

    Convention: edges lie on pixel corners; a pixel counts where a box covers its centre.

    Args:
        xyxy: (N, 4) boxes in the image.
        hw: Height and width of the image.

    Returns:
        (H, W), true inside any box.
    """
    mask = np.zeros(hw, dtype=bool)
    for x1, y1, x2, y2 in torch.ceil(xyxy.double() - 0.5).clamp(min=0).long().tolist():
        mask[y1:y2, x1:x2] = True
    return mask


def region_quality(sr: Tensor, hr: Tensor, xyxy: Tensor, crop_border: int = 0) -> dict[str, float]:
    """PSNR (dB) and SSIM over the whole image, inside the boxes and outside of them.

    Source: SSIM as Wang et al. 2004 (11x11 Gaussian, sigma 1.5), per RGB channel, from scikit-image; the regional value is
    the mean of the SSIM map over the region. PSNR comes from the mean squared error over the region's pixels, on RGB,
    without rounding to 8 bits.

    Args:
        sr: (3, H, W) RGB in [0, 1].
        hr: (3, H, W) RGB in [0, 1].
        xyxy: (N, 4) boxes in the same frame.
        crop_border: Pixels left out on each side.

    Returns:
        ``psnr_<region>`` and ``ssim_<region>`` for whole, in_box, out_box; NaN for an empty region, infinite PSNR for
        equal pixels.

    Raises:
        ValueError: The images differ in shape, or are smaller than the SSIM window.
    """
    if sr.shape != hr.shape:
        raise ValueError(f"sr and hr must have one shape, got {tuple(sr.shape)} and {tuple(hr.shape)}")
    first, second = (t.detach().double().cpu().permute(1, 2, 0).numpy() for t in (sr, hr))
    squared = ((first - second) ** 2).mean(-1)
    ssim = structural_similarity(
        first, second, channel_axis=-1, data_range=1.0, gaussian_weights=True, use_sample_covariance=False, full=True
    )[1].mean(-1)
    inside = box_mask(xyxy, squared.shape)
    kept = np.zeros_like(inside)
    kept[crop_border : kept.shape[0] - crop_border, crop_border : kept.shape[1] - crop_border] = True
    figures = {}
    for region, mask in zip(REGIONS, (kept, kept & inside, kept & ~inside), strict=True):
        figures[f"psnr_{region}"] = _psnr(float(squared[mask].mean())) if mask.any() else math.nan
        figures[f"ssim_{region}"] = float(ssim[mask].mean()) if mask.any() else math.nan
    return figures


def _psnr(mse: float) -> float:
    return math.inf if mse == 0 else -10 * math.log10(mse)
