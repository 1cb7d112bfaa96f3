"""Tokens: a fixed grid of T x T pixels over an image, and rectangles of neighbouring tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mmisr.structures.checks import check_hw

Mask = NDArray[np.bool_]


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


def grid_hw(hw: tuple[int, int], token: int) -> tuple[int, int]:
    """Rows and columns of the token grid over an image of ``hw`` pixels; a cut-off token counts."""
    h, w = check_hw(hw)
    return -(-h // token), -(-w // token)


def spread(exits: Tensor, token: int) -> Tensor:
    """(B, rows, cols) to (B, 1, rows*T, cols*T): every pixel gets its token's value."""
    return F.interpolate(exits[:, None].float(), scale_factor=token, mode="nearest")


def merge_rectangles(mask: Mask, token: int, halo: int, overhead: float = 256.0) -> list[Rect]:
    """Cover the marked tokens with rectangles that cost little once every halo is charged.

    Runs of a row are joined with equal runs below; then any two rectangles are joined whose common bounding box is
    cheaper than the two, even where it covers tokens that are not marked. Greedy, deterministic.

    Args:
        mask: (rows, cols), true where a token must be computed.
        token: Side of a token in pixels.
        halo: Pixels computed around a rectangle and thrown away.
        overhead: What a rectangle costs by itself, in pixels.

    Returns:
        Rectangles that cover every marked token; they may overlap only where that is cheaper.
    """
    rects = np.asarray(_strips(mask), dtype=np.int64).reshape(-1, 4)
    while len(rects) > 1:
        joined = _best_join(rects, token, halo, overhead)
        if joined is None:
            break
        rects = joined
    return [Rect(*(int(v) for v in r)) for r in rects]


def covered_pixels(rects: list[Rect], token: int, halo: int, hw: tuple[int, int]) -> int:
    """Pixels that the windows of ``rects`` hold, halo included, overlaps counted every time."""
    total = 0
    for rect in rects:
        rows, cols = rect.window(token, halo, hw)
        total += (rows.stop - rows.start) * (cols.stop - cols.start)
    return total


def _strips(mask: Mask) -> list[tuple[int, int, int, int]]:
    open_runs: dict[tuple[int, int], int] = {}
    done: list[tuple[int, int, int, int]] = []
    for y in range(len(mask) + 1):
        runs = set(_runs(mask[y])) if y < len(mask) else set()
        for run in [r for r in open_runs if r not in runs]:
            done.append((open_runs.pop(run), run[0], y, run[1]))
        for run in sorted(runs):
            open_runs.setdefault(run, y)
    return sorted(done)


def _runs(row: Mask) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _costs(r: NDArray[np.int64], token: int, halo: int, overhead: float) -> NDArray[np.float64]:
    return ((r[..., 2] - r[..., 0]) * token + 2 * halo) * ((r[..., 3] - r[..., 1]) * token + 2 * halo) + overhead


def _best_join(rects: NDArray[np.int64], token: int, halo: int, overhead: float) -> NDArray[np.int64] | None:
    """Join, in one sweep, every disjoint pair that saves most; None where no join saves anything."""
    a, b = rects[:, None], rects[None]
    boxes = np.concatenate([np.minimum(a, b)[..., :2], np.maximum(a, b)[..., 2:]], axis=-1)
    own = _costs(rects, token, halo, overhead)
    saved = np.triu(own[:, None] + own[None] - _costs(boxes, token, halo, overhead), 1)
    order = np.argsort(-saved, axis=None, kind="stable")[: len(rects) ** 2]
    used = np.zeros(len(rects), dtype=bool)
    new = []
    for flat in order:
        i, j = divmod(int(flat), len(rects))
        if saved[i, j] <= 0:
            break
        if not (used[i] or used[j]):
            used[[i, j]] = True
            new.append(boxes[i, j])
    return np.concatenate([rects[~used], np.asarray(new)]) if new else None
