"""Placing: windows over rectangles of tokens, in few sizes, so that they run in few batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmisr.editors.instance_sr.engine.cover import Cover, Exits, Pixels, count_sizes
from mmisr.editors.instance_sr.labels import HARD, MODERATE
from mmisr.ops.tokens import FAR, Boxes, Mask, window_sides


@dataclass(frozen=True)
class Placer:
    """Lays windows over rectangles of tokens.

    Args:
        token: Side of a token in LR pixels.
        halo: LR pixels around a window.
        tile: Rows and columns of tokens that no rectangle crosses a multiple of.
        launch_pixels: Pixels of a window that cost as much as the launch of a batch.
    """

    token: int
    halo: int
    tile: int
    launch_pixels: float

    def place(self, kind: str, exits: Exits, layers: Sequence[tuple[Boxes, Mask]]) -> Cover:
        """Windows over rectangles, each with the tokens that it computes.

        Args:
            kind: What the cover is called.
            exits: (rows, cols) exits of one image.
            layers: (n, 4) rectangles, and the (rows, cols) tokens that they compute.
        """
        owner = np.full_like(exits, -1)
        count = 0
        for rectangles, mask in layers:
            for number, (y1, x1, y2, x2) in enumerate(rectangles.tolist(), count):
                tokens = owner[y1:y2, x1:x2]
                tokens[mask[y1:y2, x1:x2]] = number
            count += len(rectangles)
        rectangles = np.concatenate([boxes for boxes, _ in layers])
        sizes, corners = self._windows(rectangles, exits.shape)
        depth = np.full(count, MODERATE)
        depth[np.unique(owner[exits == HARD])] = HARD
        return Cover(kind, sizes, corners, owner, depth)

    def _windows(self, rectangles: Boxes, grid: tuple[int, ...]) -> tuple[Pixels, Pixels]:
        """(n, 2) sizes and (n, 2) corners of the windows over (n, 4) rectangles."""
        frame = np.array(grid) * self.token
        # Within the tile of its rectangle, so that a band of tiles needs a halo more of the frame
        # and nothing else.
        tile = self.tile * self.token
        start = rectangles[:, :2] * self.token
        tile_start = start // tile * tile
        room_start = np.maximum(tile_start - self.halo, 0)
        room_end = np.minimum(tile_start + tile + self.halo, frame)
        room = room_end - room_start
        num_tokens = rectangles[:, 2:] - rectangles[:, :2]
        sides = window_sides(num_tokens, self.token, self.halo)
        sizes = self._fold(np.minimum(sides, room), room)
        corners = np.clip(start - self.halo, room_start, room_end - sizes)
        return sizes, corners

    def _fold(self, sizes: Pixels, room: Pixels) -> Pixels:
        """Enlarge windows of rare sizes to a size that others have, where that saves a batch.

        Args:
            sizes: (n, 2) sizes of the windows.
            room: (n, 2) sizes that they may have at most.
        """
        shapes, shape_of, counts = count_sizes(sizes)
        areas = shapes.prod(1)
        for small in np.argsort(areas * counts, kind="stable"):
            members = shape_of == small
            least_room = room[members].min(0)
            large_enough = (shapes >= shapes[small]).all(1)
            small_enough = (shapes <= least_room).all(1)
            fits = large_enough & small_enough & (counts > 0)
            extra = np.where(fits, (areas - areas[small]) * counts[small], FAR)
            extra[small] = FAR
            best = int(extra.argmin())
            if extra[best] < self.launch_pixels:
                shape_of[members] = best
                counts[best] += counts[small]
                counts[small] = 0
        return shapes[shape_of]


def one_per_token(mask: NDArray[np.bool_]) -> Boxes:
    """(n, 4) rectangles of one token each, over the marked tokens of (rows, cols)."""
    y, x = np.nonzero(mask)
    return np.stack([y, x, y + 1, x + 1], 1)
