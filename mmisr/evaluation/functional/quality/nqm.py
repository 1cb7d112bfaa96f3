"""The noise quality measure, NQM."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    (value,) = nqm_of_masks(reference, test, [mask])
    return value


def nqm_of_masks(reference: Tensor, test: Tensor, masks: Sequence[Tensor | None]) -> list[float]:
    """NQM of several masks of an image, in little more than the time of one.

    Args:
        reference: As for :func:`nqm`.
        test: As for :func:`nqm`.
        masks: Each (H, W) bool, or None for all pixels.

    Returns:
        One value per mask.

    Raises:
        ValueError: Shapes differ, or the images are smaller than 8 pixels.
    """
    check_luma(reference, test, SMALLEST, "NQM")
    seen, seen_of_test = _seen(reference, test)
    error = seen - seen_of_test
    values = []
    for mask in masks:
        value = _ratio(seen, error, mask)
        values.append(value)
    return values


def _ratio(seen: Tensor, error: Tensor, mask: Tensor | None) -> float:
    """Signal to noise in dB."""
    if mask is not None:
        counted = check_mask(mask, seen)
        seen = seen[counted]
        error = error[counted]
    signal = float(seen.square().sum())
    noise = float(error.square().sum())
    if not signal:
        return math.nan
    if not noise:
        return math.inf
    ratio = signal / noise
    return 10 * math.log10(ratio)


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
    rows = y.unsqueeze(1)
    cycles = torch.hypot(rows, x)
    radius = cycles * height
    # Frequency 0 lies below every band.
    radius = radius.clamp(min=0.5)
    octave = torch.log2(radius)
    filters = []
    for k in BANDS:
        band = _octave(octave, k)
        filters.append(band)
    is_low = octave < 1
    first = filters[0]
    low = torch.where(is_low, 1 - first, 0.0)
    filters.insert(0, low)
    return torch.stack(filters)


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
    spectrum = torch.fft.fft2(image)
    filtered = torch.fft.ifft2(spectrum * filters)
    parts = filtered.real
    values = parts[1:]
    sums = parts.cumsum(0)
    background = sums[:-1]
    darkness = background.abs()
    is_dark = darkness < DARKEST
    ratios = values / background
    contrasts = ratios.masked_fill(is_dark, 0.0)
    clipped = contrasts.clamp(-1, 1)
    return Bands(values, clipped)


def _seen(reference: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """What is seen of both images: the sum of their visible bands."""
    height, width = reference.shape
    filters = band_filters((height, width))
    of_reference = _bands(reference, filters)
    of_test = _bands(test, filters)
    by_band = []
    for k in BANDS:
        least = threshold(k)
        by_band.append(least)
    column = reference.new_tensor(by_band)
    thresholds = column.view(-1, 1, 1)
    contrasts = of_reference.contrasts
    size = contrasts.abs()
    strength = size / thresholds
    masked = 0.86 * (strength - 1) + 0.3
    allowed = masked * thresholds
    difference = of_test.contrasts - contrasts
    distance = difference.abs()
    is_alike = distance < allowed
    merged = _merged(is_alike, of_reference, of_test)
    seen = _visible(of_reference, thresholds)
    seen_of_test = _visible(merged, thresholds)
    return seen, seen_of_test


def _merged(is_alike: Tensor, first: Bands, second: Bands) -> Bands:
    """The first where they look alike, the second elsewhere."""
    values = torch.where(is_alike, first.values, second.values)
    contrasts = torch.where(is_alike, first.contrasts, second.contrasts)
    return Bands(values, contrasts)


def _visible(bands: Bands, thresholds: Tensor) -> Tensor:
    """(H, W) the sum of what is above the threshold."""
    is_seen = bands.contrasts.abs() >= thresholds
    values = torch.where(is_seen, bands.values, 0.0)
    return values.sum(0)
