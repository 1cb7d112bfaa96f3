"""Plain verbs for xyxy boxes, torch or numpy.

Convention: x1, y1, x2, y2, edges on pixel corners, so a box is x2 - x1 pixels wide. How boxes go
from one frame to another is :class:`mmisr.structures.frames.FrameMap`'s to say, not theirs.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Boxes = TypeVar("Boxes", Tensor, NDArray[Any])


def widths_heights(xyxy: Boxes) -> Boxes:
    """(..., 2) widths and heights of (..., 4) boxes, in pixels.

    Example:
        >>> widths_heights(torch.tensor([[1.0, 2.0, 4.0, 10.0]]))
        tensor([[3., 8.]])
    """
    return xyxy[..., 2:] - xyxy[..., :2]


def centers(xyxy: Boxes) -> Boxes:
    """(..., 2) x and y of the middle of (..., 4) boxes, in pixels.

    Example:
        >>> centers(torch.tensor([[1.0, 2.0, 4.0, 10.0]]))
        tensor([[2.5000, 6.0000]])
    """
    return (xyxy[..., :2] + xyxy[..., 2:]) / 2


def area(xyxy: Boxes) -> Boxes:
    """(...,) areas of (..., 4) boxes, in square pixels.

    Example:
        >>> area(torch.tensor([[1.0, 2.0, 4.0, 10.0]]))
        tensor([24.])
    """
    size = widths_heights(xyxy)
    return size[..., 0] * size[..., 1]


def clip(xyxy: Boxes, hw: tuple[int, int]) -> Boxes:
    """The part of each (..., 4) box that lies in an image of height and width ``hw``.

    A box outside keeps no area: both its edges come to lie on the border.

    Example:
        >>> clip(torch.tensor([[-1.0, 2.0, 4.0, 10.0]]), (8, 6))
        tensor([[0., 2., 4., 8.]])
    """
    height, width = hw
    if isinstance(xyxy, Tensor):
        return xyxy.clamp(min=0).minimum(xyxy.new_tensor([width, height] * 2))
    return np.clip(xyxy, 0, np.array([width, height] * 2, dtype=xyxy.dtype))


def grow(xyxy: Boxes, margin: float) -> Boxes:
    """(..., 4) boxes with each side moved outwards by ``margin`` pixels; inwards where negative.

    Example:
        >>> grow(torch.tensor([[1.0, 2.0, 4.0, 10.0]]), 0.5)
        tensor([[ 0.5000,  1.5000,  4.5000, 10.5000]])
    """
    sides = [-margin, -margin, margin, margin]
    if isinstance(xyxy, Tensor):
        return xyxy + xyxy.new_tensor(sides)
    return xyxy + np.array(sides, dtype=xyxy.dtype)


def inside(xyxy: Boxes, window: tuple[float, float, float, float]) -> Boxes:
    """(...,) bool: whether a ``window``, itself xyxy, holds each (..., 4) box whole.

    Example:
        >>> inside(torch.tensor([[1.0, 2.0, 4.0, 10.0], [1.0, 2.0, 4.0, 6.0]]), (0, 0, 8, 8))
        tensor([False,  True])
    """
    left, top, right, bottom = window
    starts = (xyxy[..., 0] >= left) & (xyxy[..., 1] >= top)
    ends = (xyxy[..., 2] <= right) & (xyxy[..., 3] <= bottom)
    return starts & ends


def to_xywh(xyxy: Boxes) -> Boxes:
    """(..., 4) boxes as COCO's JSON has them: x, y, width, height.

    Example:
        >>> to_xywh(torch.tensor([[1.0, 2.0, 4.0, 10.0]]))
        tensor([[1., 2., 3., 8.]])
    """
    corner_and_size = (xyxy[..., :2], widths_heights(xyxy))
    if isinstance(xyxy, Tensor):
        return torch.cat(corner_and_size, dim=-1)
    return np.concatenate(corner_and_size, axis=-1)
