"""Packing: rectangles of several sizes side by side on one canvas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sizes = NDArray[np.int64]
"""(n, 2) heights and widths."""

ASPECTS = (0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.8)
"""Widths of canvases that are tried, in sides of the square of the same area."""


@dataclass(frozen=True)
class Packing:
    """Where rectangles stand.

    Args:
        corners: (n, 2) top and left of each.
        canvas_hw: Height and width that they fill.
    """

    corners: Sizes
    canvas_hw: tuple[int, int]

    @property
    def area(self) -> int:
        """Of the canvas."""
        height, width = self.canvas_hw
        return height * width


def pack(sizes: Sizes) -> Packing:
    """Place rectangles on the smallest of some canvases; none overlaps another.

    Args:
        sizes: (n, 2) heights and widths, n >= 1, all positive.

    Example:
        >>> pack(np.array([[2, 3], [2, 1], [1, 4]])).canvas_hw
        (3, 4)
    """
    packings = []
    for width in _widths(sizes):
        packing = pack_to_width(sizes, width)
        packings.append(packing)
    return min(packings, key=_extent)


def _widths(sizes: Sizes) -> list[int]:
    """Of the canvases that are tried, growing; none is narrower than a rectangle."""
    areas = sizes.prod(1)
    total = areas.sum()
    side = np.sqrt(total)
    widest = int(sizes[:, 1].max())
    widths = set()
    for aspect in ASPECTS:
        width = round(side * aspect)
        widths.add(max(width, widest))
    return sorted(widths)


def _extent(packing: Packing) -> tuple[int, int]:
    """The area of the canvas, and its longer side, which decides between equal areas."""
    return packing.area, max(packing.canvas_hw)


def pack_to_width(sizes: Sizes, width: int) -> Packing:
    """Place rectangles on a canvas of a width: the highest first, each where it lies lowest.

    Source: the skyline heuristic (bottom left) of rectangle packing, e.g. Jylänki, "A Thousand Ways
    to Pack the Bin", 2010; without turning, as pixels cannot be turned for a detector.

    Args:
        sizes: (n, 2) heights and widths, none wider than the canvas.
        width: Of the canvas.
    """
    heights, widths = sizes.T
    order = np.lexsort((-widths, -heights))
    skyline = np.zeros(width, dtype=np.int64)
    corners = np.zeros_like(sizes)
    for index in order:
        height, span = sizes[index]
        top, left = _lowest(skyline, span)
        right = left + span
        skyline[left:right] = top + height
        corners[index] = top, left
    rights = corners[:, 1] + widths
    canvas_hw = int(skyline.max()), int(rights.max())
    return Packing(corners, canvas_hw)


def _lowest(skyline: NDArray[np.int64], span: int) -> tuple[np.int64, int]:
    """Top and left of a rectangle that is so wide, where it lies lowest.

    Args:
        skyline: (width,) how far every column of the canvas is filled.
        span: Width of the rectangle.
    """
    under = np.lib.stride_tricks.sliding_window_view(skyline, span)
    tops = under.max(1)
    left = int(tops.argmin())
    return tops[left], left
