"""Boxes on the token grid."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.ops.boxes import centers
from mmisr.ops.boxes import grow as grow_boxes
from mmisr.structures.checks import check_xyxy


def covered_share(xyxy: Tensor, hw: tuple[int, int], token: int) -> Tensor:
    """Share of each token that boxes cover, overlaps counted once; exact, not by pixels.

    Convention: box edges are coordinates on pixel corners; a box from 0 to 8 covers a token of 8
    pixels whole.

    Args:
        xyxy: (N, 4) boxes in the image.
        hw: Height and width of the image, multiples of ``token``.
        token: Side of a token in pixels.

    Returns:
        (rows, cols) float32 in [0, 1], on the CPU.

    Raises:
        ValueError: ``xyxy`` is not (N, 4).

    Example:
        >>> covered_share(torch.tensor([[0.0, 0.0, 8.0, 2.0]]), (8, 16), 8)
        tensor([[0.2500, 0.0000]])
    """
    boxes = check_xyxy(xyxy).detach().cpu()
    x1, y1, x2, y2 = boxes.double().unbind(1)
    rows = hw[0] // token
    cols = hw[1] // token
    # All edges of boxes and tokens make a grid of cells, each of which is covered whole or not.
    down = _Edges.of(y1, y2, rows, token)
    across = _Edges.of(x1, x2, cols, token)
    covered = _count_boxes(down, across) > 0.5
    heights = down.lengths()
    area = covered * heights[:, None] * across.lengths()
    by_row = area.new_zeros(rows, area.shape[1])
    by_row.index_add_(0, down.tokens(token), area)
    by_token = area.new_zeros(rows, cols)
    by_token.index_add_(1, across.tokens(token), by_row)
    share = by_token / token**2
    return share.float()


@dataclass(frozen=True)
class _Edges:
    """The edges of N boxes and of all tokens along one axis.

    Args:
        positions: (E,) edges in pixels, in order, each once.
        first: (N,) number of the edge where each box begins.
        last: (N,) number of the edge where it ends.
    """

    positions: Tensor
    first: Tensor
    last: Tensor

    @classmethod
    def of(cls, low: Tensor, high: Tensor, count: int, token: int) -> _Edges:
        """Those of boxes from ``low`` to ``high``, (N,) each, on an axis of ``count`` tokens."""
        end = count * token
        low = low.clamp(0, end)
        high = high.clamp(0, end)
        high = torch.maximum(low, high)
        grid = torch.arange(count + 1, dtype=low.dtype)
        positions = torch.cat([low, high, grid * token]).unique()
        first = torch.searchsorted(positions, low)
        last = torch.searchsorted(positions, high)
        return cls(positions, first, last)

    def lengths(self) -> Tensor:
        """(E - 1,) pixels from each edge to the next."""
        return self.positions.diff()

    def tokens(self, token: int) -> Tensor:
        """(E - 1,) number of the token that lies between each edge and the next."""
        return (self.positions[:-1] / token).long()


def _count_boxes(down: _Edges, across: _Edges) -> Tensor:
    """(rows of cells, columns of cells) number of boxes over each cell between two edges.

    A box is four steps, up at its first corner and down behind its last; their sums along both axes
    are its cells.
    """
    rows = len(down.positions)
    cols = len(across.positions)
    steps = torch.zeros(rows, cols, dtype=torch.float64)
    corners = [
        (down.first, across.first, 1.0),
        (down.last, across.first, -1.0),
        (down.first, across.last, -1.0),
        (down.last, across.last, 1.0),
    ]
    for row, col, height in corners:
        step = steps.new_full(row.shape, height)
        steps.index_put_((row, col), step, accumulate=True)
    counts = steps.cumsum(0).cumsum(1)
    return counts[:-1, :-1]


def raster(xyxy: Tensor, hw: tuple[int, int], grow: float = 0.0) -> Tensor:
    """Mask of the pixels that boxes touch.

    Args:
        xyxy: (N, 4) boxes in the image.
        hw: Height and width of the image.
        grow: Pixels by which a box grows on each side first; 0 by default.

    Returns:
        (H, W) float32, 1 in every pixel that a box shares area with, else 0; on the CPU.

    Raises:
        ValueError: ``xyxy`` is not (N, 4).

    Example:
        >>> raster(torch.tensor([[0.5, 0.0, 2.0, 1.0]]), (2, 3))
        tensor([[1., 1., 0.],
                [0., 0., 0.]])
    """
    mask = torch.zeros(hw)
    boxes = check_xyxy(xyxy).detach().cpu()
    boxes = grow_boxes(boxes, grow)
    first = boxes[:, :2].floor()
    last = boxes[:, 2:].ceil()
    pixels = torch.cat([first, last], dim=1)
    # A negative index would count from the other border.
    pixels = pixels.clamp(min=0).long()
    for x1, y1, x2, y2 in pixels.tolist():
        mask[y1:y2, x1:x2] = 1
    return mask


def box_shares(xyxy: Tensor, hw: tuple[int, int]) -> Tensor:
    """Share of each pixel that each box covers; exact.

    Convention: box edges are coordinates on pixel corners; a box from 0 to 1.5 covers the first
    pixel whole and half of the second.

    Args:
        xyxy: (N, 4) boxes in the image.
        hw: Height and width of the image.

    Returns:
        (N, H, W) in [0, 1], on the device of the boxes.

    Raises:
        ValueError: ``xyxy`` is not (N, 4).

    Example:
        >>> box_shares(torch.tensor([[0.0, 0.5, 1.5, 1.0]]), (1, 3))
        tensor([[[0.5000, 0.2500, 0.0000]]])
    """
    x1, y1, x2, y2 = check_xyxy(xyxy).unbind(1)
    rows = _axis_shares(y1, y2, hw[0])
    cols = _axis_shares(x1, x2, hw[1])
    return rows[:, :, None] * cols[:, None, :]


def _axis_shares(low: Tensor, high: Tensor, size: int) -> Tensor:
    """(N, size) share of each pixel that each (N,) interval covers, on one axis."""
    starts = torch.arange(size, dtype=low.dtype, device=low.device)
    first = torch.maximum(low[:, None], starts)
    last = torch.minimum(high[:, None], starts + 1)
    return (last - first).clamp(min=0)


def touched(xyxy: Tensor, grid: tuple[int, int], token: int) -> Tensor:
    """Which tokens each box touches.

    Args:
        xyxy: (N, 4) boxes in the image.
        grid: Rows and columns of the token grid.
        token: Side of a token in pixels.

    Returns:
        (N, rows, cols) bool, true where a box and a token share area; a common edge is none. On the
        CPU.

    Raises:
        ValueError: ``xyxy`` is not (N, 4).

    Example:
        >>> touched(torch.tensor([[0.0, 0.0, 9.0, 8.0]]), (2, 2), 8).int().tolist()
        [[[1, 1], [0, 0]]]
    """
    x1, y1, x2, y2 = check_xyxy(xyxy).cpu().unbind(1)
    rows = _touched(y1, y2, grid[0], token)
    cols = _touched(x1, x2, grid[1], token)
    return rows[:, :, None] & cols[:, None, :]


def _touched(low: Tensor, high: Tensor, count: int, token: int) -> Tensor:
    """(N, count) whether each (N,) interval and a token share more than an edge."""
    starts = torch.arange(count) * token
    begins_before = low[:, None] < starts + token
    ends_behind = high[:, None] > starts
    return begins_before & ends_behind


def centres_near(xyxy: Tensor, grid: tuple[int, int], token: int, reach: float) -> Tensor:
    """Count the box centres near the centre of each token.

    Near is in the square of ``reach`` x ``reach`` pixels around it, border included.

    Args:
        xyxy: (N, 4) boxes in the image.
        grid: Rows and columns of the token grid.
        token: Side of a token in pixels.
        reach: Side of the square in pixels.

    Returns:
        (rows, cols) int64, on the CPU.

    Raises:
        ValueError: ``xyxy`` is not (N, 4).
    """
    x, y = centers(check_xyxy(xyxy).cpu()).unbind(1)
    rows = _near(y, grid[0], token, reach)
    cols = _near(x, grid[1], token, reach)
    return (rows[:, :, None] & cols[:, None, :]).sum(0)


def _near(points: Tensor, count: int, token: int, reach: float) -> Tensor:
    """(N, count) whether each (N,) point is at most half of ``reach`` from a token's middle."""
    middles = (torch.arange(count) + 0.5) * token
    return (points[:, None] - middles).abs() <= reach / 2
