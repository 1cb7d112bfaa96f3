"""Frames in overlapping tiles, and tiles seen as cells of a routing map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mmisr.ops.patches import patch_corners, ramp, split, stitch
from mmisr.ops.tokens import grid_hw
from mmisr.structures.checks import check_fields
from mmisr.structures.frames import hw_of


@dataclass(frozen=True)
class Tiling:
    """Equal tiles of a frame, each flush with the border where the steps leave a rest.

    Convention: cells of ``stride`` pixels, from the upper left corner on, say in a routing map what
    became of the pixels; every cell lies in the tile of its number, and the last cells of a row or
    column in the last tile.

    Args:
        size: Side of a tile in LR pixels.
        stride: LR pixels from one tile to the next.

    Raises:
        ValueError: A step is larger than a tile, or a number below 1.
    """

    size: int
    stride: int

    owner: ClassVar[str] = "tiling"
    """What messages call it."""

    def __post_init__(self) -> None:
        check_fields(self, self.owner)
        if not 1 <= self.stride <= self.size:
            raise ValueError(
                f"{self.owner} needs 1 <= stride <= size, got stride={self.stride!r}, "
                f"size={self.size!r}: tiles overlap by size - stride pixels, and leave no gaps"
            )

    def grid(self, hw: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of the tiles of a frame.

        Args:
            hw: Height and width in LR pixels, at least ``size``.

        Example:
            >>> Tiling(32, 28).grid((97, 131))
            (4, 5)
        """
        rows, cols = (-(-(side - self.size) // self.stride) + 1 for side in hw)
        return rows, cols

    def split(self, images: Tensor, scale: int = 1) -> Tensor:
        """Cut frames into tiles.

        Args:
            images: (B, C, s*h, s*w), at least a tile on each side.
            scale: s, the pixels of the images to an LR pixel, along an axis.

        Returns:
            (B * n, C, s*size, s*size): the tiles of the first frame row by row, then those of the
            next.
        """
        size, stride = self._scaled(scale)
        return split(images, size, stride)

    def stitch(
        self, tiles: Tensor, hw: tuple[int, int], scale: int = 1, evenly: bool = False
    ) -> Tensor:
        """Put tiles together; where they overlap, their weighted mean.

        Args:
            tiles: (B * n, C, s*size, s*size), as :meth:`split` orders them.
            hw: Height and width of the frame in LR pixels.
            scale: s.
            evenly: Whether all pixels of a tile weigh the same; else they fade towards its border.

        Returns:
            (B, C, s*h, s*w).
        """
        size, stride = self._scaled(scale)
        whole = (scale * hw[0], scale * hw[1])
        weight = None if evenly else ramp(size, stride)
        return stitch(tiles, whole, stride, weight)

    def to_cells(self, of_tiles: Tensor, hw: tuple[int, int]) -> Tensor:
        """What is known of tiles, for the cells.

        Args:
            of_tiles: (B, rows, cols) of the tiles.
            hw: Height and width of the frame in LR pixels.

        Returns:
            (B, rows, cols) of the cells.
        """
        tile_rows, tile_cols = self.grid(hw)
        cell_rows, cell_cols = grid_hw(hw, self.stride)
        rows = _up_to(cell_rows, tile_rows)
        cols = _up_to(cell_cols, tile_cols)
        row_axis = 1
        col_axis = 2
        of_rows = of_tiles.index_select(row_axis, rows)
        return of_rows.index_select(col_axis, cols)

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
        of_rows = _with_rest(of_cells, 1, rows)
        return _with_rest(of_rows, 2, cols)

    def mean_of(self, values: Tensor) -> Tensor:
        """The mean over every tile.

        Args:
            values: (B, C, h, w) of the frame's LR pixels.

        Returns:
            (B, rows, cols), over the channels too.
        """
        means = self.split(values).mean(dim=(1, 2, 3))
        rows, cols = self.grid(hw_of(values))
        return means.view(len(values), rows, cols)

    def touched(self, xyxy: Tensor, hw: tuple[int, int]) -> Tensor:
        """Whether a box reaches into a tile.

        Args:
            xyxy: (N, 4) boxes in LR pixels.
            hw: Height and width of the frame in LR pixels.

        Returns:
            (rows, cols) bool.
        """
        size, stride = self._scaled(1)
        corners = patch_corners(hw, size, stride)
        top_left = torch.tensor(corners, device=xyxy.device)
        low = top_left[:, None]
        high = low + self.size
        upper_left, lower_right = xyxy.split(2, dim=1)
        begin = upper_left.flip(1)
        end = lower_right.flip(1)
        begins_before = begin < high
        ends_after = end > low
        overlaps = begins_before & ends_after
        reaches = overlaps.all(2)
        of_tiles = reaches.any(1)
        grid = self.grid(hw)
        return of_tiles.view(grid)

    def _scaled(self, scale: int) -> tuple[tuple[int, int], tuple[int, int]]:
        size = self.size * scale
        stride = self.stride * scale
        return (size, size), (stride, stride)


def _up_to(count: int, limit: int) -> Tensor:
    """(count,) numbers from 0 on, of which the last ones stay below a limit."""
    last = limit - 1
    numbers = torch.arange(count)
    return numbers.clamp(max=last)


def _with_rest(values: Tensor, axis: int, count: int) -> Tensor:
    """The first ``count`` entries along an axis, the last of them the largest of what is left."""
    before = count - 1
    length = values.shape[axis]
    sizes = [before, length - before]
    first, rest = values.split(sizes, axis)
    largest = rest.amax(axis, keepdim=True)
    parts = [first, largest]
    return torch.cat(parts, axis)
