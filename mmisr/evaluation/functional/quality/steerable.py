"""Subbands of the steerable pyramid, computed in the frequency domain."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LEVELS = 4
ORIENTATIONS = 6
ORDER = ORIENTATIONS - 1
MARGIN = 32
"""Pixels that an image is continued by at each side; a multiple of the coarsest step."""
CHOSEN = (3, 0)
"""The orientations that :func:`subbands` gives, in steps of 30 degrees: 90 and 0."""


def subbands(image: Tensor) -> list[list[Tensor]]:
    """Two orientations of every level of the steerable pyramid.

    Source: Simoncelli and Freeman, "The steerable pyramid", 1995; sixth-order filters (``sp5``: six
    orientations, four levels). What differs from ``sp5Filters`` of matlabPyrTools: its taps in
    space approximate the filters whose frequency response is computed here, with raised cosines
    over an octave in radius and the fifth power of a cosine in angle. Values differ by a
    common factor for a band, and at the border, which continues by reflection over 32 pixels.

    Convention: levels from fine to coarse, the grid of level n is 2^n times coarser; its first
    entry lies at pixel 0.

    Args:
        image: (H, W), double precision.

    Returns:
        By level, then by orientation of :data:`CHOSEN`: (ceil(H / 2^n), ceil(W / 2^n)).

    Example:
        >>> [tuple(bands[0].shape) for bands in subbands(torch.zeros(80, 96).double())]
        [(80, 96), (40, 48), (20, 24), (10, 12)]
    """
    continued = _continued(image)
    transformed = torch.fft.fft2(continued)
    spectrum = torch.fft.fftshift(transformed)
    radius, _ = _polar(spectrum)
    spectrum = spectrum * _low(radius, math.pi)
    levels = []
    for level in range(LEVELS):
        radius, angle = _polar(spectrum)
        low = _low(radius, math.pi / 2)
        # Both together keep the energy.
        rest = 1 - low.square()
        rest = rest.clamp(min=0)
        passed = spectrum * rest.sqrt()
        bands = []
        for orientation in CHOSEN:
            band = _band(passed, angle, orientation)
            inside = _inside(band, level, image)
            bands.append(inside)
        levels.append(bands)
        spectrum = _halved(spectrum * low)
    return levels


def _continued(image: Tensor) -> Tensor:
    """Reflected over the border, to sides that every level divides."""
    step = 2**LEVELS
    indices = []
    for side in image.shape:
        steps = math.ceil(side / step)
        whole = steps * step
        end = whole + MARGIN
        places = torch.arange(-MARGIN, end)
        period = max(2 * (side - 1), 1)
        folded = places.remainder(period)
        mirrored = period - folded
        reflected = torch.minimum(folded, mirrored)
        indices.append(reflected)
    rows, columns = indices
    of_rows = image[rows]
    return of_rows[:, columns]


def _polar(spectrum: Tensor) -> tuple[Tensor, Tensor]:
    """Radius in radians a sample, and angle, of a spectrum whose middle is frequency 0."""
    axes = []
    for side in spectrum.shape:
        frequencies = torch.fft.fftfreq(side, dtype=torch.float64)
        shifted = torch.fft.fftshift(frequencies)
        radians = shifted * math.tau
        axes.append(radians)
    y, x = torch.meshgrid(*axes, indexing="ij")
    radius = torch.hypot(x, y)
    angle = torch.atan2(y, x)
    return radius, angle


def _low(radius: Tensor, edge: float) -> Tensor:
    """1 below half the edge, 0 above the edge, a raised cosine of the octave between."""
    octaves = torch.log2((radius / edge).clamp(0.5, 1.0))
    return torch.cos(math.pi / 2 * (1 + octaves))


def _band(spectrum: Tensor, angle: Tensor, orientation: int) -> Tensor:
    """The band of one orientation: the odd filter, whose response is imaginary."""
    turned = torch.cos(angle - math.pi * orientation / ORIENTATIONS)
    response = 1j**ORDER * turned**ORDER
    filtered = torch.fft.ifftshift(spectrum * response)
    return torch.fft.ifft2(filtered).real


def _halved(spectrum: Tensor) -> Tensor:
    """The middle half of the spectrum: every second sample of what is left of the image."""
    height, width = spectrum.shape
    top = height // 4
    left = width // 4
    bottom = height - top
    right = width - left
    rows = slice(top, bottom)
    columns = slice(left, right)
    middle = spectrum[rows, columns]
    return middle / 4


def _inside(band: Tensor, level: int, image: Tensor) -> Tensor:
    """The part of a band that lies in the image."""
    step = 2**level
    first = MARGIN // step
    height, width = (math.ceil(side / step) for side in image.shape)
    return band[first : first + height, first : first + width]
