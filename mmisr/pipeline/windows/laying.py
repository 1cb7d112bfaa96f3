"""Laying out: from the tokens that may hold instances to windows on sheets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmisr.ops.packing import pack
from mmisr.ops.tokens import SIDES, Boxes, Mask, join_rectangles, merge_rectangles
from mmisr.pipeline.windows.layout import Layout, Pixels

TILE = 32
"""Largest side of a core in tokens before cores are joined."""

JOINED = 64
"""Frames with more cores keep them as they are: joining looks at every pair."""

OVERHEAD = 128.0
"""Cost of a window by itself, in LR pixels: its boxes are decoded and suppressed apart."""

Kind = Literal["canvas", "batches"]


@dataclass(frozen=True)
class Layer:
    """Lays windows over tokens.

    Args:
        token: Side of a token in LR pixels.
        margin: LR pixels that a window shows around its core.
        unit: Sides and corners of windows on a canvas are multiples of so many LR pixels.
    """

    token: int
    margin: int
    unit: int = 4

    def lay(self, kind: Kind, mask: Mask, frame_hw: tuple[int, int]) -> Layout:
        """Windows over the marked tokens of one frame.

        Args:
            kind: ``canvas`` packs them onto one sheet; ``batches`` gives each a sheet of its own,
                of few shapes.
            mask: (rows, cols) tokens that may hold instances.
            frame_hw: Height and width of the frame; the last tokens may be cut off.
        """
        cores = self.cores(mask, frame_hw)
        whole = Layout.whole(frame_hw)
        if np.array_equal(cores, whole.cores):
            return whole
        if kind == "batches":
            return self._alone(cores, frame_hw)
        return self._on_canvas(cores, frame_hw)

    def cores(self, mask: Mask, frame_hw: tuple[int, int]) -> Pixels:
        """(n, 4) xyxy cores over the marked tokens; none overlaps another."""
        rects = merge_rectangles(
            mask, self.token, self.margin, overhead=OVERHEAD, tile=TILE, few_shapes=False
        )
        if len(rects) <= JOINED:
            rects = join_rectangles(rects, self.token, self.margin, overhead=OVERHEAD)
        return self._in_pixels(rects, frame_hw)

    def _in_pixels(self, rects: Boxes, frame_hw: tuple[int, int]) -> Pixels:
        y1, x1, y2, x2 = rects.T * self.token
        height, width = frame_hw
        bottom = np.minimum(y2, height)
        right = np.minimum(x2, width)
        return np.stack([x1, y1, right, bottom], 1)

    def _grown(self, cores: Pixels, frame_hw: tuple[int, int]) -> Pixels:
        """The cores with their margins, as far as the frame reaches."""
        height, width = frame_hw
        starts = np.maximum(cores[:, :2] - self.margin, 0)
        ends = np.minimum(cores[:, 2:] + self.margin, [width, height])
        return np.concatenate([starts, ends], 1)

    def _on_canvas(self, cores: Pixels, frame_hw: tuple[int, int]) -> Layout:
        windows = self._grown(cores, frame_hw)
        number = np.zeros(len(cores), dtype=np.int64)
        if not len(cores):
            return Layout(frame_hw, cores, windows, number, np.zeros((0, 2), dtype=np.int64), [])
        sizes_wh = windows[:, 2:] - windows[:, :2]
        in_units = -(-sizes_wh[:, ::-1] // self.unit)
        packing = pack(in_units)
        corners = packing.corners[:, ::-1] * self.unit
        rows, cols = packing.canvas_hw
        canvas = rows * self.unit, cols * self.unit
        return Layout(frame_hw, cores, windows, number, corners, [canvas])

    def _alone(self, cores: Pixels, frame_hw: tuple[int, int]) -> Layout:
        """Every window on a sheet of its own, shown with more of the frame where sides are rare."""
        frame_wh = np.array(frame_hw[::-1])
        sizes = cores[:, 2:] - cores[:, :2]
        tokens = -(-sizes // self.token)
        sides = _next_side(tokens) * self.token + 2 * self.margin
        sides = np.minimum(sides, frame_wh)
        starts = np.clip(cores[:, :2] - self.margin, 0, frame_wh - sides)
        windows = np.concatenate([starts, starts + sides], 1)
        numbers = np.arange(len(cores))
        corners = np.zeros((len(cores), 2), dtype=np.int64)
        shapes = [(int(height), int(width)) for width, height in sides]
        return Layout(frame_hw, cores, windows, numbers, corners, shapes)


def _next_side(tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """The next of the sides that windows have, or the number itself beyond the largest."""
    known = np.array(SIDES)
    index = np.searchsorted(known, tokens)
    is_larger = index == len(known)
    return np.where(is_larger, tokens, known[np.minimum(index, len(known) - 1)])
