"""Grids of overlapping windows over a large frame, and what each window answers for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmisr.ops.patches import patch_corners

Pixels = NDArray[np.int64]
Hw = tuple[int, int]


@dataclass(frozen=True)
class Grid:
    """Windows of one size that cover a frame, row by row; the last ones end with the frame.

    Convention: xyxy, whole pixels of the frame. Cores are the windows up to the middle of what they
    share with their neighbours: they cover the frame, and none overlaps another. An object that is
    no larger than the overlap, and whose centre a core holds, lies in that core's window whole.

    Args:
        hw: Height and width of the frame.
        size_hw: Height and width of a window; where the frame is smaller, it is the frame's.
        overlap_hw: Pixels that neighbours share along each axis, below the size.

    Raises:
        ValueError: A window has no size, or neighbours share all of it.

    Example:
        >>> grid = Grid((60, 150), (100, 100), (20, 20))
        >>> grid.windows().tolist()
        [[0, 0, 100, 60], [50, 0, 150, 60]]
        >>> grid.cores().tolist()
        [[0, 0, 75, 60], [75, 0, 150, 60]]
    """

    hw: Hw
    size_hw: Hw
    overlap_hw: Hw

    def __post_init__(self) -> None:
        for size, overlap in zip(self.size_hw, self.overlap_hw, strict=True):
            if not 0 <= overlap < size:
                raise ValueError(
                    f"a grid needs 0 <= overlap < size, got overlap={overlap}, size={size}"
                )

    @property
    def window_hw(self) -> Hw:
        """Height and width of every window."""
        height, width = self.hw
        rows, cols = self.size_hw
        return min(rows, height), min(cols, width)

    def windows(self) -> Pixels:
        """(n, 4) what each window shows."""
        height, width = self.window_hw
        windows = []
        for top, left in self._corners():
            right = left + width
            bottom = top + height
            windows.append([left, top, right, bottom])
        return np.array(windows)

    def cores(self) -> Pixels:
        """(n, 4) what each window answers for."""
        return cores_of(self.windows())

    def _corners(self) -> list[tuple[int, int]]:
        """Top and left of the windows."""
        size_hw = self.window_hw
        steps = []
        for axis, shown in enumerate(size_hw):
            size = self.size_hw[axis]
            step = size - self.overlap_hw[axis]
            # Where the frame fits into a window there is one, whatever the step.
            step = min(step, shown)
            steps.append(step)
        rows, cols = steps
        stride_hw = rows, cols
        return patch_corners(self.hw, size_hw, stride_hw)


def cores_of(windows: Pixels) -> Pixels:
    """What each of the windows of a grid answers for, see :class:`Grid`.

    Args:
        windows: (n, 4) of one size, in any order.

    Returns:
        (n, 4) in the same order.

    Example:
        >>> cores_of(np.array([[0, 0, 100, 60], [50, 0, 150, 60]])).tolist()
        [[0, 0, 75, 60], [75, 0, 150, 60]]
    """
    cores = windows.copy()
    for first in (0, 1):
        last = first + 2
        begins = windows[:, first]
        starts, place = np.unique(begins, return_inverse=True)
        ends = np.unique(windows[:, last])
        shared = starts[1:] + ends[:-1]
        middles = shared // 2
        outer = [starts[:1], middles, ends[-1:]]
        edges = np.concatenate(outer)
        cores[:, first] = edges[place]
        following = place + 1
        cores[:, last] = edges[following]
    return cores
