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
            mask,
            self.token,
            self.margin,
            overhead=OVERHEAD,
            tile=TILE,
            few_shapes=False,
        )
        if len(rects) <= JOINED:
            rects = join_rectangles(rects, self.token, self.margin, overhead=OVERHEAD)
        return self._in_pixels(rects, frame_hw)

    def _in_pixels(self, rects: Boxes, frame_hw: tuple[int, int]) -> Pixels:
        height, width = frame_hw
        tokens_xyxy = rects[:, [1, 0, 3, 2]]
        xyxy = tokens_xyxy * self.token
        return np.minimum(xyxy, [width, height, width, height])

    def _grown(self, cores: Pixels, frame_hw: tuple[int, int]) -> Pixels:
        """The cores with their margins, as far as the frame reaches."""
        height, width = frame_hw
        starts = np.maximum(cores[:, :2] - self.margin, 0)
        ends = np.minimum(cores[:, 2:] + self.margin, [width, height])
        return np.concatenate([starts, ends], 1)

    def _on_canvas(self, cores: Pixels, frame_hw: tuple[int, int]) -> Layout:
        if not len(cores):
            return Layout.empty(frame_hw)
        windows = self._grown(cores, frame_hw)
        sizes_hw = _sizes_wh(windows)[:, ::-1]
        in_units = _in_whole(self.unit, sizes_hw)
        packing = pack(in_units)
        top_left = packing.corners * self.unit
        rows, cols = packing.canvas_hw
        canvas_hw = rows * self.unit, cols * self.unit
        return Layout(
            frame_hw=frame_hw,
            cores=cores,
            windows=windows,
            sheet_of=np.zeros(len(cores), dtype=np.int64),
            corners=top_left[:, ::-1],
            sheets_hw=[canvas_hw],
        )

    def _alone(self, cores: Pixels, frame_hw: tuple[int, int]) -> Layout:
        """Every window on a sheet of its own, shown with more of the frame where sides are rare."""
        count = len(cores)
        frame_wh = np.array(frame_hw[::-1])
        tokens = _in_whole(self.token, _sizes_wh(cores))
        sides = _next_side(tokens) * self.token
        sizes_wh = np.minimum(sides + 2 * self.margin, frame_wh)
        starts = cores[:, :2] - self.margin
        starts = np.clip(starts, 0, frame_wh - sizes_wh)
        ends = starts + sizes_wh
        return Layout(
            frame_hw=frame_hw,
            cores=cores,
            windows=np.concatenate([starts, ends], 1),
            sheet_of=np.arange(count),
            corners=np.zeros((count, 2), dtype=np.int64),
            sheets_hw=[(height, width) for width, height in sizes_wh.tolist()],
        )


def _sizes_wh(xyxy: Pixels) -> Pixels:
    """(n, 2) widths and heights of (n, 4) boxes."""
    return xyxy[:, 2:] - xyxy[:, :2]


def _in_whole(unit: int, sizes: Pixels) -> Pixels:
    """How many units cover each size."""
    return -(-sizes // unit)


def _next_side(tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """The next of the sides that windows have, or the number itself beyond the largest."""
    *_, largest = SIDES
    within = np.minimum(tokens, largest)
    index = np.searchsorted(SIDES, within)
    sides = np.take(SIDES, index)
    return np.where(tokens > largest, tokens, sides)
