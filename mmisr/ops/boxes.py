"""Boxes on the token grid."""

from __future__ import annotations

import torch
from torch import Tensor

from mmisr.structures.checks import check_xyxy


def covered_share(xyxy: Tensor, hw: tuple[int, int], token: int) -> Tensor:
    """Share of each token that boxes cover, overlaps counted once, on a pixel raster.

    Args:
        xyxy: (N, 4) boxes in the image.
        hw: Height and width of the image, multiples of ``token``.
        token: Side of a token in pixels.

    Returns:
        (rows, cols) in [0, 1].
    """
    mask = raster(xyxy, hw)
    rows, cols = hw[0] // token, hw[1] // token
    return mask.view(rows, token, cols, token).mean((1, 3))


def raster(xyxy: Tensor, hw: tuple[int, int], grow: float = 0.0) -> Tensor:
    """(H, W) float, 1 in every pixel that a box, grown by ``grow`` pixels on each side, touches."""
    mask = torch.zeros(hw)
    boxes = check_xyxy(xyxy).detach().cpu() + torch.tensor([-grow, -grow, grow, grow])
    lo, hi = boxes[:, :2].floor().clamp(min=0).long(), boxes[:, 2:].ceil().clamp(min=0).long()
    for (x1, y1), (x2, y2) in zip(lo.tolist(), hi.tolist(), strict=True):
        mask[y1:y2, x1:x2] = 1
    return mask


def touched(xyxy: Tensor, grid: tuple[int, int], token: int) -> Tensor:
    """(N, rows, cols), true where a box and a token share area."""
    edges_y = torch.arange(grid[0]) * token
    edges_x = torch.arange(grid[1]) * token
    x1, y1, x2, y2 = check_xyxy(xyxy).cpu().unbind(1)
    rows = (y1[:, None] < edges_y + token) & (y2[:, None] > edges_y)
    cols = (x1[:, None] < edges_x + token) & (x2[:, None] > edges_x)
    return rows[:, :, None] & cols[:, None, :]


def centres_near(xyxy: Tensor, grid: tuple[int, int], token: int, reach: float) -> Tensor:
    """(rows, cols): how many box centres lie in the ``reach`` x ``reach`` pixels around each token's centre."""
    cx, cy = (xyxy[:, 0] + xyxy[:, 2]).cpu() / 2, (xyxy[:, 1] + xyxy[:, 3]).cpu() / 2
    mid_y, mid_x = (torch.arange(grid[0]) + 0.5) * token, (torch.arange(grid[1]) + 0.5) * token
    near_y = (cy[:, None] - mid_y).abs() <= reach / 2
    near_x = (cx[:, None] - mid_x).abs() <= reach / 2
    return (near_y[:, :, None] & near_x[:, None, :]).sum(0)
