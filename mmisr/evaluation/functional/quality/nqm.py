"""The noise quality measure, NQM."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.evaluation.functional.quality.luma import check_luma, check_mask

BANDS = (1, 2, 3, 4, 5)
"""Octaves around 2, 4, 8, 16 and 32 cycles an image height."""
DEGREES = math.degrees(1 / 3.5)
"""What an image height spans, seen from 3.5 of it away."""
DARKEST = 1e-6
"""Of 255: a background below it has no contrast to see."""
SMALLEST = 8


def nqm(reference: Tensor, test: Tensor, mask: Tensor | None = None) -> float:
    """Signal to noise of what an eye sees of an image, in dB.

    Source: Damera-Venkata et al., "Image quality assessment based on a degradation model", 2000:
    Peli's contrast pyramid, thresholds of contrast, masking after Bradley and Ohzawa. NQM-like:
    constants after that paper, by way of public code. What is ours: frequencies are in cycles an
    image height, so that images need not be square; where a difference is invisible the contrast
    of the test too is the reference's, so that it stays invisible; a background of no light has no
    contrast; the restriction to a mask, behind the model of the eye.

    Args:
        reference: (H, W) luminance from 0 to 255, double precision.
        test: (H, W), alike.
        mask: (H, W) bool, the pixels that count; None for all.

    Returns:
        dB, infinite where nothing of the difference is seen; NaN where nothing of the reference is,
        or the mask holds no pixel.

    Raises:
        ValueError: Shapes differ, or the images are smaller than 8 pixels.

    Example:
        >>> image = torch.rand(64, 64, generator=torch.manual_seed(0)).double() * 255
        >>> nqm(image, image)
        inf
    """
    check_luma(reference, test, SMALLEST, "NQM")
    counted = torch.ones_like(reference, dtype=torch.bool)
    if mask is not None:
        counted = check_mask(mask, reference)
    seen, seen_of_test = _seen(reference, test)
    signal = float(seen[counted].square().sum())
    noise = float((seen - seen_of_test)[counted].square().sum())
    if not signal:
        return math.nan
    return math.inf if not noise else 10 * math.log10(signal / noise)


def band_filters(hw: tuple[int, int]) -> Tensor:
    """Frequency responses of the low-pass and of the five bands.

    Convention: bands are G_k(r) = (1 + cos(pi log2 r - pi k)) / 2 for r from 2^(k-1) to 2^(k+1)
    cycles an image height; the low-pass is what is left below 2. They sum to 1 up to 32 cycles.

    Args:
        hw: Height and width of the images.

    Returns:
        (6, H, W), in the order of ``torch.fft.fft2``.
    """
    height, width = hw
    y = torch.fft.fftfreq(height, dtype=torch.float64)
    x = torch.fft.fftfreq(width, dtype=torch.float64)
    radius = height * torch.hypot(y[:, None], x[None])
    octave = torch.log2(radius.clamp(min=0.5))
    filters = [_octave(octave, k) for k in BANDS]
    is_low = octave < 1
    low = torch.where(is_low, 1 - filters[0], 0.0)
    return torch.stack([low, *filters])


def _octave(octave: Tensor, k: int) -> Tensor:
    distance = (octave - k).clamp(-1, 1)
    return (1 + torch.cos(math.pi * distance)) / 2


def threshold(k: int) -> float:
    """The least contrast that is seen in a band.

    Source: Mannos and Sakrison, 1974, scaled as the paper does.

    Args:
        k: The band, around 2^k cycles an image height.
    """
    frequency = 2**k / DEGREES
    scaled = 0.114 * frequency
    sensitivity = 520 * (0.0192 + scaled) * math.exp(-(scaled**1.1))
    return 1 / sensitivity


@dataclass(frozen=True)
class Bands:
    """An image by bands.

    Args:
        values: (5, H, W) of luminance.
        contrasts: (5, H, W), over what the coarser bands add up to.
    """

    values: Tensor
    contrasts: Tensor


def _bands(image: Tensor, filters: Tensor) -> Bands:
    filtered = torch.fft.ifft2(torch.fft.fft2(image) * filters).real
    values = filtered[1:]
    background = filtered.cumsum(0)[:-1]
    is_dark = background.abs() < DARKEST
    contrasts = (values / background).masked_fill(is_dark, 0.0)
    return Bands(values, contrasts.clamp(-1, 1))


def _seen(reference: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """What is seen of both images: the sum of their visible bands."""
    height, width = reference.shape
    filters = band_filters((height, width))
    of_reference = _bands(reference, filters)
    of_test = _bands(test, filters)
    thresholds = reference.new_tensor([threshold(k) for k in BANDS])[:, None, None]
    strength = of_reference.contrasts.abs() / thresholds
    masked = thresholds * (0.86 * (strength - 1) + 0.3)
    difference = (of_test.contrasts - of_reference.contrasts).abs()
    is_alike = difference < masked
    values = torch.where(is_alike, of_reference.values, of_test.values)
    contrasts = torch.where(is_alike, of_reference.contrasts, of_test.contrasts)
    seen = _visible(of_reference.values, of_reference.contrasts, thresholds)
    return seen, _visible(values, contrasts, thresholds)


def _visible(values: Tensor, contrasts: Tensor, thresholds: Tensor) -> Tensor:
    is_seen = contrasts.abs() >= thresholds
    return torch.where(is_seen, values, 0.0).sum(0)
