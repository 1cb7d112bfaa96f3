"""Tokens: a fixed grid of T x T pixels over an image, and rectangles of neighbouring tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mmisr.structures.checks import check_hw

Mask = NDArray[np.bool_]
Boxes = NDArray[np.int64]
"""(N, 4) rectangles as y1, x1, y2, x2 in tokens."""


@dataclass(frozen=True)
class Rect:
    """A rectangle of tokens: rows ``y1 <= y < y2`` and columns ``x1 <= x < x2`` of the token grid."""

    y1: int
    x1: int
    y2: int
    x2: int

    def window(self, token: int, halo: int, hw: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of the pixels to compute: the rectangle and its halo, cut at the image.

        A window that ends at the image's own border sees the same zero padding there as a pass over the whole image.
        """
        rows = slice(max(0, self.y1 * token - halo), min(hw[0], self.y2 * token + halo))
        return rows, slice(max(0, self.x1 * token - halo), min(hw[1], self.x2 * token + halo))

    def inner(self, token: int, halo: int) -> tuple[slice, slice]:
        """Rows and columns of the rectangle inside its own window."""
        y, x = min(self.y1 * token, halo), min(self.x1 * token, halo)
        return slice(y, y + (self.y2 - self.y1) * token), slice(x, x + (self.x2 - self.x1) * token)

    def pixels(self, token: int) -> tuple[slice, slice]:
        """Rows and columns of the rectangle in the image."""
        return slice(self.y1 * token, self.y2 * token), slice(self.x1 * token, self.x2 * token)

    def tokens(self) -> tuple[slice, slice]:
        """Rows and columns of the rectangle in the token grid."""
        return slice(self.y1, self.y2), slice(self.x1, self.x2)


def grid_hw(hw: tuple[int, int], token: int) -> tuple[int, int]:
    """Rows and columns of the token grid over an image of ``hw`` pixels; a cut-off token counts.

    Example:
        >>> grid_hw((16, 17), 8)
        (2, 3)
    """
    h, w = check_hw(hw)
    return -(-h // token), -(-w // token)


def spread(exits: Tensor, token: int) -> Tensor:
    """(B, rows, cols) to (B, 1, rows*T, cols*T): every pixel gets its token's value; the dtype stays."""
    return exits.repeat_interleave(token, -2).repeat_interleave(token, -1)[:, None]


def merge_rectangles(mask: Mask, token: int, halo: int, overhead: float = 256.0, tile: int = 16) -> list[Rect]:
    """Cover the marked tokens with rectangles that cost little once every halo is charged.

    Runs of a row are joined with equal runs below; then any two rectangles are joined whose common bounding box is
    cheaper than the two, even where it covers tokens that are not marked. Greedy, deterministic.

    Args:
        mask: (rows, cols), true where a token must be computed.
        token: Side of a token in pixels.
        halo: Pixels computed around a rectangle and thrown away.
        overhead: What a rectangle costs by itself, in pixels.
        tile: No rectangle crosses a multiple of this many tokens. That bounds the planning time, which grows with the
            square of the rectangles in a tile, and the memory of a window.

    Returns:
        Rectangles that cover every marked token; they may overlap only where that is cheaper.

    Example:
        >>> merge_rectangles(np.ones((2, 3), dtype=bool), token=8, halo=4)
        [Rect(y1=0, x1=0, y2=2, x2=3)]
    """
    rects: list[Rect] = []
    for y, x in _tiles(mask, tile):
        boxes = np.asarray(_strips(mask[y : y + tile, x : x + tile]), dtype=np.int64).reshape(-1, 4)
        boxes = _join(boxes, token, halo, overhead) + np.array([y, x, y, x])
        rects += [Rect(*(int(v) for v in box)) for box in boxes]
    return rects


def covered_pixels(rects: list[Rect], token: int, halo: int, hw: tuple[int, int]) -> int:
    """Pixels that the windows of ``rects`` hold, halo included, overlaps counted every time."""
    total = 0
    for rect in rects:
        rows, cols = rect.window(token, halo, hw)
        total += (rows.stop - rows.start) * (cols.stop - cols.start)
    return total


def _tiles(mask: Mask, tile: int) -> Iterator[tuple[int, int]]:
    """Corners of the tiles in which any token is marked."""
    for y in range(0, mask.shape[0], tile):
        for x in range(0, mask.shape[1], tile):
            if mask[y : y + tile, x : x + tile].any():
                yield y, x


def _strips(mask: Mask) -> list[tuple[int, int, int, int]]:
    open_runs: dict[tuple[int, int], int] = {}
    done: list[tuple[int, int, int, int]] = []
    for y in range(len(mask) + 1):
        runs = set(_runs(mask[y])) if y < len(mask) else set()
        for run in [r for r in open_runs if r not in runs]:
            done.append((open_runs.pop(run), run[0], y, run[1]))
        for run in runs:
            open_runs.setdefault(run, y)
    return sorted(done)


def _runs(row: Mask) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _join(boxes: Boxes, token: int, halo: int, overhead: float) -> Boxes:
    """Join, sweep after sweep, the disjoint pairs that save most, until no join saves anything."""
    while len(boxes) > 1:
        first, second = np.triu_indices(len(boxes), 1)
        joined = np.concatenate(
            [np.minimum(boxes[first, :2], boxes[second, :2]), np.maximum(boxes[first, 2:], boxes[second, 2:])], axis=1
        )
        own = _costs(boxes, token, halo, overhead)
        saved = own[first] + own[second] - _costs(joined, token, halo, overhead)
        gains = np.flatnonzero(saved > 0)
        if not len(gains):
            break
        used = np.zeros(len(boxes), dtype=bool)
        new = []
        for pair in gains[np.argsort(-saved[gains], kind="stable")]:
            i, j = first[pair], second[pair]
            if not (used[i] or used[j]):
                used[i] = used[j] = True
                new.append(joined[pair])
        boxes = np.concatenate([boxes[~used], np.stack(new)])
    return boxes


def _costs(boxes: Boxes, token: int, halo: int, overhead: float) -> NDArray[np.float64]:
    height, width = ((boxes[:, i + 2] - boxes[:, i]) * token + 2 * halo for i in (0, 1))
    return height * width + overhead
