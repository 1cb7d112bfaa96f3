"""The information fidelity criterion, IFC."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.evaluation.functional.quality.luma import check_luma, check_mask
from mmisr.evaluation.functional.quality.steerable import LEVELS, subbands

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
    itself is finite and large. The sum is divided by all pixels of the image, or of the mask, but
    blocks at the border are left out. A block counts where the mask holds its middle.

    Args:
        reference: (H, W) luminance from 0 to 255, double precision, 72 pixels or more on each side.
        test: (H, W), alike.
        mask: (H, W) bool, the pixels that count; None for all.
        crop_border: Pixels left out on each side before anything else; of SR, its factor.

    Returns:
        The criterion; NaN where the mask holds no pixel.

    Raises:
        ValueError: Shapes differ, or what the crop leaves is too small.

    Example:
        >>> image = torch.rand(96, 96, generator=torch.manual_seed(0)).double() * 255
        >>> ifc(image, torch.full_like(image, 7.0))
        0.0
    """
    inner = mask if mask is None else _cropped(check_mask(mask, reference), crop_border)
    reference = _cropped(reference, crop_border)
    test = _cropped(test, crop_border)
    check_luma(reference, test, SMALLEST, "IFC")
    pixels = reference.numel() if inner is None else int(inner.sum())
    if not pixels:
        return math.nan
    total = 0.0
    pairs = zip(subbands(reference), subbands(test), strict=True)
    for level, (of_reference, of_test) in enumerate(pairs):
        for x, y in zip(of_reference, of_test, strict=True):
            bits = _information(x, y, level)
            total += float(bits[_counted(bits, inner, level)].sum())
    return total / pixels


def _cropped(image: Tensor, border: int) -> Tensor:
    height, width = image.shape
    bottom = max(height - border, border)
    right = max(width - border, border)
    return image[border:bottom, border:right]


def _information(x: Tensor, y: Tensor, level: int) -> Tensor:
    """Bits of each block of a subband that y keeps of x."""
    height, width = (side // BLOCK * BLOCK for side in x.shape)
    x = x[:height, :width]
    y = y[:height, :width]
    channel = _channel(x, y, _window(level))
    energies, multipliers = _source(x)
    signal = channel.gain.square() * multipliers
    ratio = signal / (channel.noise + NOISE)
    return torch.log2(1 + ratio[..., None] * energies).sum(-1)


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
    sums = _window_sums(torch.stack([x, y, x * x, y * y, x * y]), window)
    count = window**2
    sum_x, sum_y, sum_xx, sum_yy, sum_xy = sums
    covariance = sum_xy - sum_x * sum_y / count
    var_x = (sum_xx - sum_x.square() / count).clamp(min=0)
    var_y = (sum_yy - sum_y.square() / count).clamp(min=0)
    gain = covariance / (var_x + TOLERANCE)
    noise = (var_y - gain * covariance) / count
    for is_none, left in (
        (gain < 0, var_y),
        (var_x < TOLERANCE, var_y),
        (var_y < TOLERANCE, torch.zeros_like(var_y)),
    ):
        gain = gain.masked_fill(is_none, 0.0)
        noise = torch.where(is_none, left, noise)
    return Channel(gain, noise.clamp(min=TOLERANCE))


def _window_sums(values: Tensor, window: int) -> Tensor:
    """Sums around the middle of every block, the border reflected."""
    half = window // 2
    padded = F.pad(values[:, None], [half] * 4, mode="reflect")
    middle = BLOCK // 2
    box = padded.new_ones(1, 1, window, 1)
    # Rows first, then columns: a box is the product of two lines.
    rows = F.conv2d(padded[:, :, middle:], box, stride=(BLOCK, 1))
    columns = F.conv2d(rows[:, :, :, middle:], box.transpose(2, 3), stride=(1, BLOCK))
    return columns[:, 0]


def _source(x: Tensor) -> tuple[Tensor, Tensor]:
    """The Gaussian scale mixture of the reference: eigenvalues (9,), multipliers by block."""
    overlapping = F.unfold(x[None, None], BLOCK)[0]
    centred = overlapping - overlapping.mean(1, keepdim=True)
    covariance = centred @ centred.T / centred.shape[1]
    energies = torch.linalg.eigvalsh(covariance).clamp(min=0)
    apart = F.unfold(x[None, None], BLOCK, stride=BLOCK)[0]
    whitened = torch.linalg.pinv(covariance, hermitian=True) @ apart
    lengths = (whitened * apart).sum(0) / BLOCK**2
    rows, columns = (side // BLOCK for side in x.shape)
    return energies, lengths.view(rows, columns)


def _counted(bits: Tensor, mask: Tensor | None, level: int) -> Tensor:
    """Blocks that are not at the border, and whose middle the mask holds."""
    counted = torch.zeros_like(bits, dtype=torch.bool)
    half = _window(level) // 2
    border = math.ceil(half / BLOCK)
    rows, columns = bits.shape
    counted[border : max(rows - border, border), border : max(columns - border, border)] = True
    if mask is None:
        return counted
    step = 2**level
    middles = []
    for blocks in bits.shape:
        coefficients = torch.arange(blocks) * BLOCK + BLOCK // 2
        middles.append(coefficients * step)
    y, x = middles
    return counted & mask[y][:, x]
