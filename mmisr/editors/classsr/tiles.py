"""Tiles: the overlapping patches of a frame that are classified and super-resolved one by one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from mmisr.ops.patches import patch_corners, ramp, split, stitch
from mmisr.ops.tokens import grid_hw
from mmisr.structures.checks import check_fields
from mmisr.structures.frames import hw_of


@dataclass(frozen=True)
class Tiles:
    """How a frame is cut.

    Source: ClassSR's test protocol, tiles of 32 LR pixels every 28. What differs: the last tile of
    a row or column is flush with the border there, where the official code drops the rest.

    Convention: cells of ``stride`` pixels, from the upper left corner on, say in a routing map by
    which branch pixels came; every cell lies in the tile of its number, and the last cells of a
    row or column in the last tile.

    Args:
        size: Side of a tile in LR pixels.
        stride: LR pixels from one tile to the next; less than ``size`` for an overlap.

    Raises:
        ValueError: ``size`` is below 4, or ``stride`` not from 1 to ``size``.
    """

    size: int = 32
    stride: int = 28

    def __post_init__(self) -> None:
        check_fields(self, "ClassSR.tiles")
        if self.size < 4 or not 1 <= self.stride <= self.size:
            raise ValueError(
                "ClassSR.tiles needs size >= 4 and 1 <= stride <= size, the overlap being "
                f"size - stride, got size={self.size}, stride={self.stride}"
            )

    def grid(self, hw: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of the tiles of a frame.

        Args:
            hw: Height and width in LR pixels, at least ``size``.

        Example:
            >>> Tiles().grid((97, 131))
            (4, 5)
        """
        rows, cols = (-(-(side - self.size) // self.stride) + 1 for side in hw)
        return rows, cols

    def split(self, image: Tensor, scale: int = 1) -> Tensor:
        """Cut frames into tiles.

        Args:
            image: (B, C, s*h, s*w).
            scale: s, the pixels of the image to an LR pixel, along an axis.

        Returns:
            (B * n, C, s*size, s*size): the tiles of the first frame row by row, then those of the
            next.
        """
        side = scale * self.size
        step = scale * self.stride
        return split(image, (side, side), (step, step))

    def stitch(self, tiles: Tensor, hw: tuple[int, int], scale: int, evenly: bool) -> Tensor:
        """Put tiles together; where they overlap, their weighted mean.

        Args:
            tiles: (B * n, C, s*size, s*size), as :meth:`split` orders them.
            hw: Height and width of the frame in LR pixels.
            scale: s.
            evenly: Whether all pixels of a tile weigh the same, as in the official code; else they
                fade towards its border.

        Returns:
            (B, C, s*h, s*w).
        """
        side = (scale * self.size,) * 2
        step = (scale * self.stride,) * 2
        whole = (scale * hw[0], scale * hw[1])
        weight = None if evenly else ramp(side, step)
        return stitch(tiles, whole, step, weight)

    def to_cells(self, of_tiles: Tensor, hw: tuple[int, int]) -> Tensor:
        """What is known of tiles, for the cells.

        Args:
            of_tiles: (B, rows, cols) of the tiles.
            hw: Height and width of the frame in LR pixels.

        Returns:
            (B, rows, cols) of the cells.
        """
        rows, cols = self._tile_of_cell(hw)
        return of_tiles[:, rows][:, :, cols]

    def to_tiles(self, of_cells: Tensor, hw: tuple[int, int]) -> Tensor:
        """What is known of cells, for the tiles: the largest value of the cells of a tile.

        Args:
            of_cells: (B, rows, cols) of the cells.
            hw: Height and width of the frame in LR pixels.

        Returns:
            (B, rows, cols) of the tiles.

        Raises:
            ValueError: The cells are those of a frame of another size.
        """
        expected = grid_hw(hw, self.stride)
        if tuple(of_cells.shape[1:]) != expected:
            raise ValueError(
                f"exits must be of {expected} tokens of {self.stride} pixels for an image of {hw}, "
                f"got {tuple(of_cells.shape[1:])}: they are of another image, or of tokens of "
                "another size"
            )
        rows, cols = self.grid(hw)
        upper = _with_rest(of_cells, 1, rows)
        return _with_rest(upper, 2, cols)

    def mean_of(self, values: Tensor) -> Tensor:
        """The mean over every tile.

        Args:
            values: (B, C, h, w) of the frame's LR pixels.

        Returns:
            (B, rows, cols), over the channels too.
        """
        means = self.split(values).mean(dim=(1, 2, 3))
        return means.view(len(values), *self.grid(hw_of(values)))

    def touched(self, boxes: Tensor, hw: tuple[int, int]) -> Tensor:
        """Whether a box reaches into a tile.

        Args:
            boxes: (N, 4) xyxy in the lr frame.
            hw: Height and width of the frame in LR pixels.

        Returns:
            (rows, cols) bool.
        """
        size = (self.size, self.size)
        corners = patch_corners(hw, size, (self.stride, self.stride))
        tops = torch.tensor(corners, device=boxes.device).unsqueeze(1)
        left, upper, right, lower = boxes.unbind(1)
        begins_before = (upper < tops[..., 0] + self.size) & (left < tops[..., 1] + self.size)
        ends_after = (lower > tops[..., 0]) & (right > tops[..., 1])
        reaches = begins_before & ends_after
        return reaches.any(1).view(self.grid(hw))

    def _tile_of_cell(self, hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Row and column of the tile of each row and column of cells."""
        indices = []
        for cells, tiles in zip(grid_hw(hw, self.stride), self.grid(hw), strict=True):
            index = torch.arange(cells).clamp(max=tiles - 1)
            indices.append(index)
        return indices[0], indices[1]


def _with_rest(values: Tensor, axis: int, count: int) -> Tensor:
    """The first ``count`` entries along an axis, the last of them the largest of what is left."""
    begins = [*range(count), values.shape[axis]]
    parts = []
    for first, after in pairwise(begins):
        part = values.narrow(axis, first, after - first)
        parts.append(part.amax(axis, keepdim=True))
    return torch.cat(parts, axis)
