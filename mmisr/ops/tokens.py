"""Tokens: a fixed grid of T x T pixels over an image, and rectangles of neighbouring tokens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mmisr.structures.checks import check_hw
from mmisr.structures.frames import hw_of

Mask = NDArray[np.bool_]
Boxes = NDArray[np.int64]
"""(n, 4) rectangles as y1, x1, y2, x2 in tokens.

Rows ``y1 <= y < y2`` and columns ``x1 <= x < x2`` of the grid.
"""

SIDES = (1, 2, 3, 4, 6, 8, 12, 16)
"""Sides of windows, in tokens. Few shapes make large batches of equal windows."""

SIDE_OF = np.array([min(side for side in SIDES if side >= count) for count in range(SIDES[-1] + 1)])
"""The next of them, by the number of tokens."""

Cost = Callable[[Boxes], NDArray[np.float64]]
"""Cost of each of (n, 4) rectangles."""

FAR = 1 << 20
"""More than any row, column or cost of a token."""


def grid_hw(hw: tuple[int, int], token: int) -> tuple[int, int]:
    """Rows and columns of the token grid over an image; a cut-off token counts.

    Args:
        hw: Height and width of the image in pixels.
        token: Side of a token in pixels.

    Example:
        >>> grid_hw((16, 17), 8)
        (2, 3)
    """
    h, w = check_hw(hw)
    return -(-h // token), -(-w // token)


def spread(exits: Tensor, token: int) -> Tensor:
    """Give every pixel the value of its token.

    Args:
        exits: (B, rows, cols) of any type.
        token: Side T of a token in pixels.

    Returns:
        (B, 1, rows*T, cols*T) of the same type.

    Example:
        >>> import torch
        >>> spread(torch.tensor([[[1, 2]]]), 2).tolist()
        [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]
    """
    rows = exits.repeat_interleave(token, -2)
    pixels = rows.repeat_interleave(token, -1)
    return pixels[:, None]


def token_sums(values: Tensor, token: int) -> Tensor:
    """Add up the values of every token's pixels; the cut-off tokens at the edges have fewer.

    Args:
        values: (C, H, W).
        token: Side of a token in pixels.

    Returns:
        (rows, cols), summed over channels too.

    Example:
        >>> import torch
        >>> token_sums(torch.ones(1, 2, 3), 2).tolist()
        [[4.0, 2.0]]
    """
    height, width = hw_of(values)
    below = -height % token
    beside = -width % token
    padding = (0, beside, 0, below)
    over_channels = values.sum(0)
    whole = F.pad(over_channels, padding)
    of_token = (-1, token)
    by_rows = whole.unflatten(0, of_token)
    rows = by_rows.sum(1)
    by_columns = rows.unflatten(1, of_token)
    return by_columns.sum(2)


def window_sides(tokens: NDArray[np.int64], token: int, halo: int) -> NDArray[np.int64]:
    """Sides of the windows over so many tokens: the next of :data:`SIDES`, and a halo on both ends.

    Args:
        tokens: Numbers of tokens, an array of any shape.
        token: Side of a token in pixels.
        halo: Pixels computed around a window and thrown away.

    Returns:
        Pixels, of the shape of ``tokens``.
    """
    in_tokens = SIDE_OF[np.minimum(tokens, SIDES[-1])]
    return in_tokens * token + 2 * halo


def merge_rectangles(
    mask: Mask,
    token: int,
    halo: int,
    overhead: float = 24.0,
    tile: int = 16,
    few_shapes: bool = True,
) -> Boxes:
    """Cover the marked tokens with rectangles that cost little once every halo is charged.

    Bottom-up over a binary tree of the grid, alternately along columns and rows: two neighbours
    become one rectangle, their common bounding box, where that costs less than the two apart, even
    where it covers tokens that are not marked. Every level is one operation on whole arrays, so
    that planning takes a small share of what it saves.

    Args:
        mask: (rows, cols), true where a token must be computed.
        token: Side of a token in pixels.
        halo: Pixels computed around a rectangle and thrown away.
        overhead: Cost of a rectangle by itself, in pixels; 24 by default.
        tile: Largest side of a rectangle in tokens, a power of 2, which bounds the memory of a
            window; 16 by default.
        few_shapes: Whether a window's sides cost as the next of :data:`SIDES`, by default; else as
            they are.

    Returns:
        (n, 4) rectangles that cover every marked token; none shares a marked token with another.

    Example:
        >>> merge_rectangles(np.ones((2, 3), dtype=bool), token=8, halo=4).tolist()
        [[0, 0, 2, 3]]
    """
    rows, cols = mask.shape
    marked = np.pad(mask, ((0, -rows % tile), (0, -cols % tile)))
    bounds = _single_tokens(marked)
    side = token + 2 * halo
    cost = np.where(marked, side**2 + overhead, 0.0)
    levels = [(bounds, marked, 0)]
    doublings = tile.bit_length() - 1
    for axis in [2, 1] * doublings:  # columns, then rows, of (4, rows, cols)
        bounds = _pair(bounds, axis)
        pixels = _window_pixels(bounds, token, halo, few_shapes)
        holds_some = bounds[2] > 0
        joined = np.where(holds_some, pixels + overhead, FAR**2)
        first, second = _halves(cost, axis - 1)
        apart = first + second
        cost = np.minimum(joined, apart)
        pays = joined <= apart
        level = (bounds, holds_some & pays, axis)
        levels.append(level)
    return _chosen(levels)


def _single_tokens(marked: Mask) -> Boxes:
    """(4, rows, cols) y1, x1, y2, x2 of every marked token; of others what no bound is drawn by."""
    places = np.indices(marked.shape)
    starts = np.where(marked, places, FAR)
    ends = np.where(marked, places + 1, 0)
    return np.concatenate([starts, ends])


def covered_pixels(rects: Boxes, token: int, halo: int) -> int:
    """Pixels that the windows of rectangles hold, halo included, overlaps counted every time.

    Args:
        rects: (n, 4) rectangles in tokens.
        token: Side of a token in pixels.
        halo: Pixels computed around a rectangle and thrown away.

    Example:
        >>> covered_pixels(np.array([[0, 0, 1, 2]]), token=8, halo=2)
        240
    """
    return int(_window_pixels(rects.T, token, halo).sum())


def _window_pixels(
    bounds: Boxes, token: int, halo: int, few_shapes: bool = True
) -> NDArray[np.int64]:
    """Pixels of the windows over rectangles (4, ...), y1, x1, y2, x2; of nothing as of a token."""
    starts = bounds[:2]
    ends = bounds[2:]
    sides = np.maximum(ends - starts, 1)
    windows = sides * token + 2 * halo
    if few_shapes:
        windows = window_sides(sides, token, halo)
    height, width = windows
    return height * width


def _halves(values: NDArray, axis: int) -> tuple[NDArray, NDArray]:
    """The first and the second of every pair along an axis."""
    before = (slice(None),) * axis
    first = (*before, slice(0, None, 2))
    second = (*before, slice(1, None, 2))
    return values[first], values[second]


def _pair(bounds: Boxes, axis: int) -> Boxes:
    """Common bounds of every pair along an axis of (4, rows, cols)."""
    return _common(*_halves(bounds, axis))


def _common(first: Boxes, second: Boxes) -> Boxes:
    """Common bounds of rectangles (4, ...) and as many others."""
    starts = np.minimum(first[:2], second[:2])
    ends = np.maximum(first[2:], second[2:])
    return np.concatenate([starts, ends])


def _chosen(levels: list[tuple[Boxes, Mask, int]]) -> Boxes:
    """Walk down from the root: what was joined is a rectangle, all else is left to its halves."""
    rectangles = []
    _, at_root, _ = levels[-1]
    undecided = np.ones_like(at_root)
    for bounds, joined, axis in reversed(levels):
        chosen = undecided & joined
        rects = bounds[:, chosen]
        rectangles.append(rects.T)
        undecided ^= chosen
        if axis:
            undecided = np.repeat(undecided, 2, axis - 1)
    return np.concatenate(rectangles)


def join_rectangles(rects: Boxes, token: int, halo: int, overhead: float = 24.0) -> Boxes:
    """Join rectangles as long as that costs less, wherever they lie on the grid.

    :func:`merge_rectangles` joins what its tree has side by side; here any two are joined, the pair
    that saves most first, with all that lie within their common bounding box. A join that would cut
    another rectangle is left out, so that no two overlap.

    Args:
        rects: (n, 4) rectangles, none of which overlaps another.
        token: Side of a token in pixels.
        halo: Pixels computed around a rectangle and thrown away.
        overhead: Cost of a rectangle by itself, in pixels.

    Returns:
        (m, 4) rectangles, m <= n, that cover the same tokens and perhaps more.

    Example:
        >>> join_rectangles(np.array([[0, 0, 1, 1], [0, 2, 1, 3]]), token=8, halo=8).tolist()
        [[0, 0, 1, 3]]
    """
    cost = partial(_cost, token=token, halo=halo, overhead=overhead)
    while len(rects) > 1:
        bounds = _of_every_two(rects)
        within = _within(rects, bounds)
        saved = _saved(rects, bounds, within, cost)
        best = saved.argmax()
        pays = saved[best] > 0
        if not pays:
            break
        joined = bounds[best]
        others = rects[~within[best]]
        rects = np.concatenate([others, joined[None]])
    return rects


def _of_every_two(rects: Boxes) -> Boxes:
    """(pairs, 4) common bounds of every two of (n, 4) rectangles."""
    first, second = np.triu_indices(len(rects), 1)
    bounds = _common(rects[first].T, rects[second].T)
    return bounds.T


def _saved(rects: Boxes, bounds: Boxes, within: Mask, cost: Cost) -> NDArray[np.float64]:
    """(m,) what one rectangle instead of all within its bounds takes off the cost.

    0 where the bounds would cut another rectangle.

    Args:
        rects: (n, 4) rectangles.
        bounds: (m, 4) bounds.
        within: (m, n) whether each rectangle lies within each of these.
        cost: Of rectangles.
    """
    apart = within @ cost(rects)
    saved = apart - cost(bounds)
    touches = _overlaps(rects, bounds)
    cuts = touches & ~within
    saved[cuts.any(1)] = 0
    return saved


def _cost(rects: Boxes, token: int, halo: int, overhead: float) -> NDArray[np.float64]:
    """(n,) cost of (n, 4) rectangles at their own sizes."""
    in_tokens = rects[:, 2:] - rects[:, :2]
    sides = in_tokens * token + 2 * halo
    return sides.prod(1) + overhead


def _within(rects: Boxes, bounds: Boxes) -> Mask:
    """(m, n) whether each of (n, 4) rectangles lies within (m, 4) bounds."""
    around = bounds[:, None]
    starts = around[..., :2] <= rects[:, :2]
    ends = around[..., 2:] >= rects[:, 2:]
    return np.logical_and(starts.all(2), ends.all(2))


def _overlaps(rects: Boxes, bounds: Boxes) -> Mask:
    """(m, n) whether each of (n, 4) rectangles has a token in common with (m, 4) bounds."""
    around = bounds[:, None]
    starts = around[..., :2] < rects[:, 2:]
    ends = around[..., 2:] > rects[:, :2]
    return np.logical_and(starts.all(2), ends.all(2))
