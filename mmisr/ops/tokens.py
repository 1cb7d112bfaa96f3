"""Tokens: a fixed grid of T x T pixels over an image, and rectangles of neighbouring tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mmisr.structures.checks import check_hw

Mask = NDArray[np.bool_]
Boxes = NDArray[np.int64]
"""(n, 4) rectangles as y1, x1, y2, x2 in tokens.

Rows ``y1 <= y < y2`` and columns ``x1 <= x < x2`` of the grid.
"""

SIDES = (1, 2, 3, 4, 6, 8, 12, 16)
"""Sides of windows, in tokens. Few shapes make large batches of equal windows."""

SIDE_OF = np.array([min(side for side in SIDES if side >= count) for count in range(SIDES[-1] + 1)])
"""The next of them, by the number of tokens."""

FAR = 1 << 20


def grid_hw(hw: tuple[int, int], token: int) -> tuple[int, int]:
    """Rows and columns of the token grid over an image of ``hw`` pixels; a cut-off token counts.

    Example:
        >>> grid_hw((16, 17), 8)
        (2, 3)
    """
    h, w = check_hw(hw)
    return -(-h // token), -(-w // token)


def spread(exits: Tensor, token: int) -> Tensor:
    """(B, rows, cols) to (B, 1, rows*T, cols*T): every pixel gets its token's value.

    The dtype stays.
    """
    return exits.repeat_interleave(token, -2).repeat_interleave(token, -1)[:, None]


def window_sides(tokens: NDArray[np.int64], token: int, halo: int) -> NDArray[np.int64]:
    """Side in pixels of the window over so many tokens.

    The next of :data:`SIDES`, and a halo on both ends.
    """
    return SIDE_OF[np.minimum(tokens, SIDES[-1])] * token + 2 * halo


def merge_rectangles(
    mask: Mask, token: int, halo: int, overhead: float = 24.0, tile: int = 16
) -> Boxes:
    """Cover the marked tokens with rectangles that cost little once every halo is charged.

    Bottom-up over a binary tree of the grid, alternately along columns and rows: two neighbouring
    parts become one rectangle, their common bounding box, where that costs less than the two apart,
    even where it covers tokens that are not marked. Every level is one operation on whole arrays,
    so that planning takes a small part of what it saves.

    Args:
        mask: (rows, cols), true where a token must be computed.
        token: Side of a token in pixels.
        halo: Pixels computed around a rectangle and thrown away.
        overhead: What a rectangle costs by itself, in pixels.
        tile: Largest side of a rectangle in tokens, a power of 2; bounds the memory of a window.

    Returns:
        (n, 4) rectangles that cover every marked token; none shares a marked token with another.

    Example:
        >>> merge_rectangles(np.ones((2, 3), dtype=bool), token=8, halo=4).tolist()
        [[0, 0, 2, 3]]
    """
    marked = np.pad(mask, ((0, -mask.shape[0] % tile), (0, -mask.shape[1] % tile)))
    rows, cols = np.indices(marked.shape)
    bounds = np.stack(
        [
            np.where(marked, v, far)
            for v, far in ((rows, FAR), (cols, FAR), (rows + 1, 0), (cols + 1, 0))
        ]
    )
    cost = np.where(marked, (token + 2 * halo) ** 2 + overhead, 0.0)
    levels = [(bounds, marked, 0)]
    for axis in [2, 1] * (tile.bit_length() - 1):  # columns, then rows, of (4, rows, cols)
        bounds = _pair(bounds, axis)
        apart = np.add(*_halves(cost, axis - 1))
        some = bounds[2] > 0
        height, width = (
            window_sides(np.where(some, bounds[i + 2] - bounds[i], 1), token, halo) for i in (0, 1)
        )
        joined = np.where(some, height * width + overhead, FAR**2)
        cost = np.minimum(joined, apart)
        levels.append((bounds, some & (joined <= apart), axis))
    return _chosen(levels)


def covered_pixels(rects: Boxes, token: int, halo: int) -> int:
    """Pixels that the windows of ``rects`` hold, halo included, overlaps counted every time.

    Example:
        >>> covered_pixels(np.array([[0, 0, 1, 2]]), token=8, halo=2)
        240
    """
    height, width = (window_sides(rects[:, i + 2] - rects[:, i], token, halo) for i in (0, 1))
    return int((height * width).sum())


def _halves(values: NDArray, axis: int) -> tuple[NDArray, NDArray]:
    """The first and the second of every pair along an axis."""
    first, second = ((slice(None),) * axis + (slice(start, None, 2),) for start in (0, 1))
    return values[first], values[second]


def _pair(bounds: Boxes, axis: int) -> Boxes:
    first, second = _halves(bounds, axis)
    return np.concatenate([np.minimum(first[:2], second[:2]), np.maximum(first[2:], second[2:])])


def _chosen(levels: list[tuple[Boxes, Mask, int]]) -> Boxes:
    """Walk down from the root.

    A part that was joined is a rectangle, any other is left to its halves.
    """
    found, open_parts = [], np.ones(levels[-1][1].shape, dtype=bool)
    for bounds, joined, axis in reversed(levels):
        taken = open_parts & joined
        found.append(bounds[:, taken].T)
        open_parts &= ~joined
        if axis:
            open_parts = np.repeat(open_parts, 2, axis - 1)
    return np.concatenate(found)
