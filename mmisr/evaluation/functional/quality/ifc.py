"""The information fidelity criterion, IFC."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.evaluation.functional.quality.luma import check_luma, check_mask
from mmisr.evaluation.functional.quality.steerable import LEVELS, subbands
from mmisr.structures.frames import hw_of

BLOCK = 3
"""M, the side of the blocks of coefficients that are modelled together."""
TOLERANCE = 1e-15
NOISE = 1e-10
"""What is added to the variance of the distortion, so that an equal image stays finite."""
SMALLEST = 72
"""Pixels on each side: the coarsest level then has a block that is not at the border."""


def ifc(reference: Tensor, test: Tensor, mask: Tensor | None = None, crop_border: int = 0) -> float:
    """How much of the reference's information a distorted image keeps, in bits per pixel.

    Source: Sheikh, Bovik and de Veciana, "An information fidelity criterion for image quality
    assessment using natural scene statistics", 2005, eq. 5 to 13; the numbers of LIVE's public
    ``ifcvec``: four levels of the steerable pyramid, two of six orientations, 3x3 blocks, windows
    from 3 (coarsest level) to 17 (finest) coefficients. What differs: the pyramid, see
    :func:`mmisr.evaluation.functional.quality.steerable.subbands`; a singular covariance is
    inverted on what it spans; the restriction to a mask is ours.

    Convention: higher is better, 0 where nothing is kept, without an upper bound; an image with
    itself is finite and large. Blocks at the border are left out. A block counts where the mask
    holds its middle. The sum is divided by all pixels of the image; of a mask, by its pixels in the
    blocks of the finest level that are not at the border.

    Args:
        reference: (H, W) luminance from 0 to 255, double precision, 72 pixels or more on each side.
        test: (H, W), alike.
        mask: (H, W) bool, the pixels that count; None for all.
        crop_border: Pixels left out on each side before anything else; of SR, its factor.

    Returns:
        The criterion; NaN where no block of the finest level counts: the mask is empty, lies within
        9 pixels of the border, or is narrower than a block.

    Raises:
        ValueError: Shapes differ, or what the crop leaves is too small.

    Example:
        >>> image = torch.rand(96, 96, generator=torch.manual_seed(0)).double() * 255
        >>> ifc(image, torch.full_like(image, 7.0))
        0.0
    """
    (value,) = ifc_of_masks(reference, test, [mask], crop_border)
    return value


def ifc_of_masks(
    reference: Tensor, test: Tensor, masks: Sequence[Tensor | None], crop_border: int = 0
) -> list[float]:
    """IFC of several masks of an image, in little more than the time of one.

    Args:
        reference: As for :func:`ifc`.
        test: As for :func:`ifc`.
        masks: Each (H, W) bool, or None for all pixels.
        crop_border: As for :func:`ifc`.

    Returns:
        One value per mask.

    Raises:
        ValueError: Shapes differ, or what the crop leaves is too small.
    """
    inner = []
    for mask in masks:
        if mask is not None:
            mask = _cropped(check_mask(mask, reference), crop_border)
        inner.append(mask)
    reference = _cropped(reference, crop_border)
    test = _cropped(test, crop_border)
    check_luma(reference, test, SMALLEST, "IFC")
    levels = _levels(reference, test)
    hw = hw_of(reference)
    return [_per_pixel(levels, mask, hw) for mask in inner]


def _levels(reference: Tensor, test: Tensor) -> list[Tensor]:
    """By level: (rows, columns) bits of every block, both orientations together."""
    of_reference = subbands(reference)
    of_test = subbands(test)
    levels = []
    for level in range(LEVELS):
        pairs = zip(of_reference[level], of_test[level], strict=True)
        bits = [_information(x, y, level) for x, y in pairs]
        together = torch.stack(bits).sum(0)
        levels.append(together)
    return levels


def _per_pixel(levels: Sequence[Tensor], mask: Tensor | None, hw: tuple[int, int]) -> float:
    if mask is None:
        everything = torch.ones(hw, dtype=torch.bool)
        return _bits(levels, everything) / everything.numel()
    finest = levels[0]
    if not _counted(finest, mask, 0).any():
        return math.nan
    inner = _inner(finest, 0)
    # At the finest level a coefficient is a pixel.
    by_rows = inner.repeat_interleave(BLOCK, 0)
    area = by_rows.repeat_interleave(BLOCK, 1)
    height, width = hw_of(area)
    pixels = mask[:height, :width] & area
    return _bits(levels, mask) / int(pixels.sum())


def _bits(levels: Sequence[Tensor], mask: Tensor) -> float:
    """What the blocks that count keep, all levels together."""
    total = 0.0
    for level, bits in enumerate(levels):
        counted = _counted(bits, mask, level)
        total += float(bits[counted].sum())
    return total


def _cropped(image: Tensor, border: int) -> Tensor:
    height, width = image.shape
    bottom = max(height - border, border)
    right = max(width - border, border)
    return image[border:bottom, border:right]


def _in_blocks(band: Tensor) -> Tensor:
    """Without what is left of whole blocks."""
    height, width = (side // BLOCK * BLOCK for side in band.shape)
    return band[:height, :width]


def _information(x: Tensor, y: Tensor, level: int) -> Tensor:
    """Bits of each block of a subband that y keeps of x."""
    x = _in_blocks(x)
    y = _in_blocks(y)
    window = _window(level)
    channel = _channel(x, y, window)
    energies, multipliers = _source(x)
    power = channel.gain.square()
    signal = power * multipliers
    noise = channel.noise + NOISE
    ratio = signal / noise
    ratio = ratio.unsqueeze(-1)
    by_component = ratio * energies
    bits = torch.log2(1 + by_component)
    return bits.sum(-1)


def _window(level: int) -> int:
    """The side of the window that the channel is estimated over."""
    return 2 ** (LEVELS - level) + 1


@dataclass(frozen=True)
class Channel:
    """The distortion of a subband: y = gain x + noise.

    Args:
        gain: (rows, columns) of blocks.
        noise: (rows, columns), the variance of what is added.
    """

    gain: Tensor
    noise: Tensor


def _channel(x: Tensor, y: Tensor, window: int) -> Channel:
    """Least squares in a window around the middle of every block; the rules of ``ifcvec``."""
    var_x, var_y, covariance = _deviations(x, y, window)
    gain = covariance / (var_x + TOLERANCE)
    explained = gain * covariance
    noise = (var_y - explained) / window**2
    nothing = torch.zeros_like(var_y)
    is_opposite = gain < 0
    x_is_constant = var_x < TOLERANCE
    y_is_constant = var_y < TOLERANCE
    # What is left of y where it has nothing of x.
    rules = (
        (is_opposite, var_y),
        (x_is_constant, var_y),
        (y_is_constant, nothing),
    )
    for applies, left in rules:
        gain = gain.masked_fill(applies, 0.0)
        noise = torch.where(applies, left, noise)
    noise = noise.clamp(min=TOLERANCE)
    return Channel(gain, noise)


def _deviations(x: Tensor, y: Tensor, window: int) -> tuple[Tensor, Tensor, Tensor]:
    """Sums over windows of squared deviations of x, of y, and of their products."""
    products = [x, y, x * x, y * y, x * y]
    sums = _window_sums(torch.stack(products), window)
    sum_x, sum_y, sum_xx, sum_yy, sum_xy = sums
    mean_x = sum_x / window**2
    mean_y = sum_y / window**2
    var_x = sum_xx - sum_x * mean_x
    var_y = sum_yy - sum_y * mean_y
    common = sum_x * mean_y
    covariance = sum_xy - common
    # Rounding makes a variance of nothing negative.
    return (
        var_x.clamp(min=0),
        var_y.clamp(min=0),
        covariance,
    )


def _window_sums(values: Tensor, window: int) -> Tensor:
    """Sums around the middle of every block, the border reflected."""
    half = window // 2
    middle = BLOCK // 2
    batch = values.unsqueeze(1)
    sides = [half] * 4
    padded = F.pad(batch, sides, mode="reflect")
    first = padded[..., middle:, middle:]
    # A sum is a mean times the number of coefficients.
    means = F.avg_pool2d(
        first,
        window,
        stride=BLOCK,
    )
    sums = means * window**2
    return sums.squeeze(1)


def _source(x: Tensor) -> tuple[Tensor, Tensor]:
    """The Gaussian scale mixture of the reference: eigenvalues (9,), multipliers by block."""
    batch = x[None, None]
    overlapping = F.unfold(batch, BLOCK)
    vectors = overlapping[0]
    covariance = torch.cov(vectors, correction=0)
    energies = torch.linalg.eigvalsh(covariance)
    # Rounding makes an energy of nothing negative.
    energies = energies.clamp(min=0)
    inverse = torch.linalg.pinv(covariance, hermitian=True)
    blocks = F.unfold(batch, BLOCK, stride=BLOCK)
    apart = blocks[0]
    whitened = inverse @ apart
    products = whitened * apart
    # u^T C^-1 u over the number of coefficients in a block.
    multipliers = products.mean(0)
    height, width = x.shape
    rows = height // BLOCK
    of_blocks = multipliers.view(rows, width // BLOCK)
    return energies, of_blocks


def _counted(bits: Tensor, mask: Tensor, level: int) -> Tensor:
    """Blocks that are not at the border, and whose middle the mask holds."""
    # The pixels at the middles of blocks.
    step = 2**level
    first = BLOCK // 2 * step
    apart = BLOCK * step
    places = slice(first, None, apart)
    middles = mask[places, places]
    rows, columns = bits.shape
    middles = middles[:rows, :columns]
    return _inner(bits, level) & middles


def _inner(bits: Tensor, level: int) -> Tensor:
    """Blocks whose window leaves the border alone."""
    half = _window(level) // 2
    border = math.ceil(half / BLOCK)
    counted = torch.zeros_like(bits, dtype=torch.bool)
    inside = _cropped(counted, border)
    inside.fill_(True)
    return counted
