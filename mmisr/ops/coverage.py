"""Boxes on the token grid."""

from __future__ import annotations

import torch
from torch import Tensor

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
    boxes = check_xyxy(xyxy).detach().cpu().double()
    rows, cols = hw[0] // token, hw[1] // token
    edges_y, first_y, last_y = _edges(boxes[:, 1], boxes[:, 3], rows, token)
    edges_x, first_x, last_x = _edges(boxes[:, 0], boxes[:, 2], cols, token)
    # Every box adds one over its cells of the grid that all edges make, as a sum of steps.
    steps = torch.zeros(len(edges_y), len(edges_x), dtype=torch.float64)
    one = torch.ones(len(boxes), dtype=torch.float64)
    for y, x, sign in (
        (first_y, first_x, 1),
        (last_y, first_x, -1),
        (first_y, last_x, -1),
        (last_y, last_x, 1),
    ):
        steps.index_put_((y, x), sign * one, accumulate=True)
    covered = (
        (steps.cumsum(0).cumsum(1)[:-1, :-1] > 0.5) * edges_y.diff()[:, None] * edges_x.diff()[None]
    )
    row, col = ((edges[:-1] / token).long() for edges in (edges_y, edges_x))
    by_row = torch.zeros(rows, covered.shape[1], dtype=torch.float64).index_add_(0, row, covered)
    area = torch.zeros(rows, cols, dtype=torch.float64).index_add_(1, col, by_row)
    return (area / token**2).float()


def _edges(low: Tensor, high: Tensor, count: int, token: int) -> tuple[Tensor, Tensor, Tensor]:
    """All edges of boxes and tokens along one axis, in order, and where each box begins and ends among them."""
    low, high = low.clamp(0, count * token), high.clamp(0, count * token)
    high = torch.maximum(low, high)
    grid = torch.arange(count + 1, dtype=low.dtype) * token
    edges = torch.cat([low, high, grid]).unique()
    return edges, torch.searchsorted(edges, low), torch.searchsorted(edges, high)


def raster(xyxy: Tensor, hw: tuple[int, int], grow: float = 0.0) -> Tensor:
    """Mask of the pixels that boxes touch.

    Args:
        xyxy: (N, 4) boxes in the image.
        hw: Height and width of the image.
        grow: Pixels by which a box grows on each side first.

    Returns:
        (H, W) float32, 1 in every pixel that a box shares area with, else 0; on the CPU.

    Raises:
        ValueError: ``xyxy`` is not (N, 4).
    """
    mask = torch.zeros(hw)
    boxes = grow_boxes(check_xyxy(xyxy).detach().cpu(), grow)
    lo, hi = boxes[:, :2].floor().clamp(min=0).long(), boxes[:, 2:].ceil().clamp(min=0).long()
    for (x1, y1), (x2, y2) in zip(lo.tolist(), hi.tolist(), strict=True):
        mask[y1:y2, x1:x2] = 1
    return mask


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
    """
    edges_y = torch.arange(grid[0]) * token
    edges_x = torch.arange(grid[1]) * token
    x1, y1, x2, y2 = check_xyxy(xyxy).cpu().unbind(1)
    rows = (y1[:, None] < edges_y + token) & (y2[:, None] > edges_y)
    cols = (x1[:, None] < edges_x + token) & (x2[:, None] > edges_x)
    return rows[:, :, None] & cols[:, None, :]


def centres_near(xyxy: Tensor, grid: tuple[int, int], token: int, reach: float) -> Tensor:
    """Count box centres in the square of ``reach`` x ``reach`` pixels around each token's centre, border included.

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
    xyxy = check_xyxy(xyxy)
    cx, cy = (xyxy[:, 0] + xyxy[:, 2]).cpu() / 2, (xyxy[:, 1] + xyxy[:, 3]).cpu() / 2
    mid_y, mid_x = (torch.arange(grid[0]) + 0.5) * token, (torch.arange(grid[1]) + 0.5) * token
    near_y = (cy[:, None] - mid_y).abs() <= reach / 2
    near_x = (cx[:, None] - mid_x).abs() <= reach / 2
    return (near_y[:, :, None] & near_x[:, None, :]).sum(0)
