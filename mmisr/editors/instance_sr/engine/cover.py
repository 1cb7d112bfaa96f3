"""Covers: which windows compute the deep tokens of an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmisr.editors.instance_sr.labels import EASY

Exits = NDArray[np.int64]
"""(rows, cols) exits of one image, or (B, rows, cols) of a batch, on the host."""

Pixels = NDArray[np.int64]
"""(n, 2) heights and widths, or tops and lefts, of windows in LR pixels."""

SHIFT = 1 << 32
"""Larger than any side of a window."""


@dataclass(frozen=True)
class Cover:
    """How the deep tokens of one image are covered.

    Args:
        kind: ``none``, ``rectangles``, ``windows``, or ``dense`` for a pass over the whole frame.
        sizes: (n, 2) height and width of each window in pixels, halo included.
        corners: (n, 2) top and left of each window in the image, in pixels.
        owner: (rows, cols) number of the window that computes each deep token; -1 for easy ones.
        depth: (n,) MODERATE or HARD, the deepest token that each window computes.
    """

    kind: str
    sizes: Pixels
    corners: Pixels
    owner: Exits
    depth: NDArray[np.int64]

    @staticmethod
    def none(grid: tuple[int, ...]) -> Cover:
        """The cover of an image of ``grid`` rows and columns of tokens that are all easy."""
        empty = np.zeros((0, 2), dtype=np.int64)
        return Cover("none", empty, empty, np.full(grid, -1), empty[:, 0])

    @staticmethod
    def dense(exits: Exits, token: int) -> Cover:
        """One pass over the whole frame, as deep as the deepest token of (rows, cols) exits."""
        frame = np.array([exits.shape]) * token
        owner = np.where(exits != EASY, 0, -1)
        return Cover("dense", frame, np.zeros_like(frame), owner, np.array([exits.max()]))

    @property
    def whole(self) -> bool:
        """Whether the deep blocks run over the whole frame."""
        return self.kind == "dense"

    def band(self, rows: slice, token: int, before: int, pixels: int) -> Cover:
        """The windows that compute some rows of tokens, seen from a cut-out of the frame.

        Args:
            rows: Rows of tokens, between two rows of tiles.
            token: Side of a token in pixels.
            before: Rows of tokens that the cut-out has above them.
            pixels: Height of the cut-out.
        """
        owner = self.owner[rows]
        if self.whole:
            width = owner.shape[1] * token
            return self._dense_band(pixels, width, owner, before)
        is_deep = owner >= 0
        chosen = np.unique(owner[is_deep])
        # One entry more than there are windows: index -1, no window, then stays -1.
        num_windows = len(self.sizes)
        renumbered = np.full(num_windows + 1, -1)
        renumbered[chosen] = np.arange(len(chosen))
        owner = renumbered[owner]
        top = (rows.start - before) * token
        return Cover(
            kind=self.kind,
            sizes=self.sizes[chosen],
            corners=self.corners[chosen] - np.array([top, 0]),
            owner=_below(owner, before),
            depth=self.depth[chosen],
        )

    def _dense_band(self, height: int, width: int, owner: Exits, before: int) -> Cover:
        frame = np.array([[height, width]])
        return Cover(
            kind=self.kind,
            sizes=frame,
            corners=np.zeros_like(frame),
            owner=_below(owner, before),
            depth=self.depth,
        )


def _below(owner: Exits, before: int) -> Exits:
    """The same under ``before`` rows of tokens that no window computes."""
    return np.pad(owner, ((before, 0), (0, 0)), constant_values=-1)


def is_uniform(exits: Exits) -> bool:
    """Whether all tokens of (rows, cols) exits leave by one exit."""
    return bool((exits == exits.max()).all())


def by_size(sizes: Pixels) -> Iterator[tuple[Pixels, NDArray[np.int64]]]:
    """Each size that occurs among (n, 2) sizes, and the indices of its windows."""
    shapes, shape_of, _ = count_sizes(sizes)
    for number, size in enumerate(shapes):
        yield size, np.flatnonzero(shape_of == number)


def count_sizes(sizes: Pixels) -> tuple[Pixels, NDArray[np.int64], NDArray[np.int64]]:
    """The (k, 2) sizes that occur among (n, 2), which of them each window has, and how many do."""
    codes = _codes(sizes)
    codes, shape_of, counts = np.unique(codes, return_inverse=True, return_counts=True)
    shapes = np.stack(np.divmod(codes, SHIFT), 1)
    return shapes, shape_of, counts


def _codes(sizes: Pixels) -> NDArray[np.int64]:
    """(n,) a number for each of (n, 2) sizes: unique numbers are found sooner than unique rows."""
    heights, widths = sizes.T
    return heights * SHIFT + widths
