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
        all_rectangles = [rectangles for rectangles, _ in layers]
        rectangles = np.concatenate(all_rectangles)
        sizes, corners = self._windows(rectangles, exits.shape)
        owner = _owners(exits, layers)
        is_hard = exits == HARD
        hard_owners = owner[is_hard]
        depth = np.full(len(rectangles), MODERATE)
        depth[hard_owners] = HARD
        return Cover(
            kind=kind,
            sizes=sizes,
            corners=corners,
            owner=owner,
            depth=depth,
        )

    def _windows(self, rectangles: Boxes, grid: tuple[int, ...]) -> tuple[Pixels, Pixels]:
        """(n, 2) sizes and (n, 2) corners of the windows over (n, 4) rectangles."""
        token, halo = self.token, self.halo
        frame = np.array(grid) * token
        first, last = np.split(rectangles, 2, axis=1)
        num_tokens = last - first
        start = first * token
        # Within the tile of its rectangle, so that a band of tiles needs a halo more of the frame
        # and nothing else.
        tile = self.tile * token
        tile_start = start // tile * tile
        room_start = np.maximum(tile_start - halo, 0)
        room_end = tile_start + tile + halo
        room_end = np.minimum(room_end, frame)
        room = room_end - room_start
        sides = window_sides(num_tokens, token, halo)
        sizes = np.minimum(sides, room)
        sizes = self._fold(sizes, room)
        corners = start - halo
        corners = np.clip(corners, room_start, room_end - sizes)
        return sizes, corners

    def _fold(self, sizes: Pixels, room: Pixels) -> Pixels:
        """Enlarge windows of rare sizes to a size that others have, where that saves a batch.

        Args:
            sizes: (n, 2) sizes of the windows.
            room: (n, 2) sizes that they may have at most.
        """
        shapes, shape_of, counts = count_sizes(sizes)
        areas = shapes.prod(1)
        order = np.argsort(areas * counts, kind="stable")
        for small in order:
            members = shape_of == small
            rooms = room[members]
            least_room = rooms.min(0)
            fits = (shapes >= shapes[small]).all(1)
            fits &= (shapes <= least_room).all(1)
            fits &= counts > 0
            fits[small] = False
            extra = areas - areas[small]
            extra *= counts[small]
            extra[~fits] = FAR
            best = extra.argmin()
            is_worth_it = extra[best] < self.launch_pixels
            if is_worth_it:
                shape_of[members] = best
                counts[best] += counts[small]
                counts[small] = 0
        return shapes[shape_of]


def _owners(exits: Exits, layers: Sequence[tuple[Boxes, Mask]]) -> Exits:
    """(rows, cols) number of the rectangle that computes each token; -1 where none does."""
    owner = np.full_like(exits, -1)
    number = 0
    for rectangles, mask in layers:
        for y1, x1, y2, x2 in rectangles.tolist():
            rows = slice(y1, y2)
            cols = slice(x1, x2)
            inside = mask[rows, cols]
            tokens = owner[rows, cols]
            tokens[inside] = number
            number += 1
    return owner


def one_per_token(mask: NDArray[np.bool_]) -> Boxes:
    """(n, 4) rectangles of one token each, over the marked tokens of (rows, cols)."""
    y, x = np.nonzero(mask)
    return np.stack([y, x, y + 1, x + 1], 1)
