"""Instance maps: for each LR pixel what instance it belongs to, in three numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.ops.boxes import area, clip
from mmisr.structures.checks import check_hw, check_xyxy
from mmisr.structures.hints import Found

REACH = 8.0
"""LR pixels at which the distance to an edge is clipped."""

SIDE_UNIT = 5.0
"""What the logarithm of a side is divided by; an instance of 148 LR pixels has 1."""

HALF = 0.5
"""From the centre of a pixel to its edge."""


@dataclass(frozen=True)
class Shape:
    """One instance, on the part of the image that it can say something about.

    Args:
        rows: Rows of that part.
        cols: Columns of that part.
        share: (rows, cols) share of each pixel that the instance covers.
        distance: (rows, cols) LR pixels from the pixel's centre to the instance's edge, positive
            inside.
        area: LR pixels that it covers.
    """

    rows: slice
    cols: slice
    share: Tensor
    distance: Tensor
    area: float

    @property
    def size(self) -> float:
        """The logarithm of its side, in the map's unit."""
        side = math.sqrt(self.area)
        at_least_a_pixel = max(side, 1.0)
        return math.log(at_least_a_pixel) / SIDE_UNIT


def instance_map(found: Found, hw: tuple[int, int]) -> Tensor:
    """Objectness, distance to the nearest edge, and size, from masks where there are any.

    Source: re-implementation from the abstract of Fu (2022), which names the instances as the
    condition; the three channels are ours.

    Convention: edges of boxes lie on pixel corners, so the centre of the first pixel is at 0.5. An
    instance ends where the image ends. Where nothing was found, objectness is 0, distance -1 and
    size 0.

    Args:
        found: The instances, in the lr frame.
        hw: Height and width of the LR image.

    Returns:
        (3, h, w) float32 on the CPU: the highest score of the instances at this pixel, each times
        the share of the pixel that it covers; the distance from the pixel's centre to the nearest
        edge of any instance, positive inside one, clipped at 8 LR pixels and divided by that; the
        logarithm of the side (square root of the area) of the instance of the highest score, over
        5, and 0 where no instance is. Sides below a pixel count as one.

    Raises:
        ValueError: Boxes are not (N, 4), scores or masks are of another number, or masks of another
            size.

    Example:
        >>> boxes = torch.tensor([[1.0, 0.0, 2.5, 1.0]])
        >>> found = Found(boxes, torch.tensor([0.8]), torch.tensor([0]))
        >>> instance_map(found, (1, 4))[0]
        tensor([[0.0000, 0.8000, 0.4000, 0.0000]])
    """
    hw = check_hw(hw)
    _check(found, hw)
    canvas = _Canvas(hw)
    shapes = _shapes(found, hw)
    scores = found.scores.tolist()
    for shape, score in zip(shapes, scores, strict=True):
        if shape is not None:
            canvas.draw(shape, score)
    return canvas.finished()


class _Canvas:
    """What is known of every pixel while the instances are drawn.

    Of two that are as strong, the first counts.

    Args:
        hw: Height and width of the LR image.
    """

    def __init__(self, hw: tuple[int, int]) -> None:
        self.objectness = torch.zeros(hw)
        self.size = torch.zeros(hw)
        self.nearest = torch.full(hw, REACH)
        self.is_inside = torch.zeros(hw, dtype=torch.bool)

    def draw(self, shape: Shape, score: float) -> None:
        """One instance more."""
        there = shape.rows, shape.cols
        objectness = self.objectness[there]
        size = self.size[there]
        nearest = self.nearest[there]
        is_inside = self.is_inside[there]
        # These are views: what changes them changes the canvas.
        strength = shape.share * score
        is_stronger = strength > objectness
        size[is_stronger] = shape.size
        objectness.clamp_(min=strength)
        to_edge = shape.distance.abs()
        nearest.clamp_(max=to_edge)
        is_inside |= shape.distance > 0

    def finished(self) -> Tensor:
        """(3, h, w), the map."""
        distance = self.nearest / REACH
        is_outside = ~self.is_inside
        distance[is_outside] *= -1
        channels = [
            self.objectness,
            distance,
            self.size,
        ]
        return torch.stack(channels)


def _check(found: Found, hw: tuple[int, int]) -> None:
    count = len(check_xyxy(found.boxes_lr, "found.boxes_lr"))
    if found.scores.shape != (count,):
        raise ValueError(
            f"found.scores must have one entry for each of {count} boxes, got "
            f"{tuple(found.scores.shape)}"
        )
    masks = found.masks_lr
    if masks is not None and tuple(masks.shape) != (count, *hw):
        raise ValueError(
            f"found.masks_lr must be of {count} instances and of the LR image's size, "
            f"{(count, *hw)}, got {tuple(masks.shape)}; mmisr.ops.masks.resize_masks brings them "
            "there"
        )


def _shapes(found: Found, hw: tuple[int, int]) -> list[Shape | None]:
    """One for each instance; None for those without area in the image."""
    masks = found.masks_lr
    if masks is not None:
        masks = masks.cpu()
        return [_of_mask(mask) for mask in masks]
    boxes = found.boxes_lr.detach().cpu()
    boxes = boxes.float()
    clipped = clip(boxes, hw)
    return [_of_box(box, hw) for box in clipped]


def _of_box(xyxy: Tensor, hw: tuple[int, int]) -> Shape | None:
    """Exact, for one box."""
    covers = area(xyxy).item()
    if covers <= 0:
        return None
    x1, y1, x2, y2 = xyxy.tolist()
    height, width = hw
    rows = _around(y1, y2, height)
    cols = _around(x1, x2, width)
    share_of_rows = _covered(rows, y1, y2)
    share_of_cols = _covered(cols, x1, x2)
    share = torch.outer(share_of_rows, share_of_cols)
    down = _depth(rows, y1, y2)
    across = _depth(cols, x1, x2)
    distance = _to_edges(down, across)
    return Shape(rows, cols, share, distance, covers)


def _around(low: float, high: float, end: int) -> slice:
    """The pixels of an axis that lie within reach of an interval on it."""
    first = math.floor(low - REACH)
    first = max(0, first)
    behind = math.ceil(high + REACH)
    behind = min(end, behind)
    return slice(first, behind)


def _starts(pixels: slice) -> Tensor:
    """Where each pixel of an axis begins."""
    return torch.arange(pixels.start, pixels.stop, dtype=torch.float32)


def _covered(pixels: slice, low: float, high: float) -> Tensor:
    """Share of each pixel of an axis that an interval covers."""
    starts = _starts(pixels)
    ends = starts + 1
    first = starts.clamp(min=low)
    last = ends.clamp(max=high)
    shared = last - first
    return shared.clamp(min=0)


def _depth(pixels: slice, low: float, high: float) -> Tensor:
    """How far the centre of each pixel of an axis lies within an interval; negative outside."""
    starts = _starts(pixels)
    centres = starts + HALF
    from_low = centres - low
    to_high = high - centres
    return torch.minimum(from_low, to_high)


def _to_edges(down: Tensor, across: Tensor) -> Tensor:
    """Distance to the edges of a box, from how far within it each row and each column lies."""
    down = down[:, None]
    inside = torch.minimum(down, across)
    down = down.clamp(max=0)
    across = across.clamp(max=0)
    outside = torch.hypot(down, across)
    is_inside = inside > 0
    return torch.where(is_inside, inside, -outside)


def _of_mask(mask: Tensor) -> Shape | None:
    """For one (h, w) mask, whose edges run between pixels."""
    count = int(mask.sum())
    if not count:
        return None
    in_rows = mask.any(1)
    in_cols = mask.any(0)
    rows = _around_some(in_rows)
    cols = _around_some(in_cols)
    local = mask[rows, cols]
    # The ring stands for what lies beyond the image.
    ringed = F.pad(local, (1, 1, 1, 1))
    inwards = _to_nearest(~ringed)
    outwards = _to_nearest(ringed)
    inside = inwards - HALF
    outside = HALF - outwards
    signed = torch.where(ringed, inside, outside)
    distance = signed[1:-1, 1:-1]
    share = local.float()
    return Shape(rows, cols, share, distance, count)


def _around_some(is_there: Tensor) -> slice:
    """The pixels of an axis within reach of those that are there."""
    numbers = is_there.nonzero().flatten()
    first = int(numbers[0])
    last = int(numbers[-1])
    end = len(is_there)
    return _around(first, last + 1, end)


def _to_nearest(mask: Tensor) -> Tensor:
    """(h, w) distances between the centre of each pixel and the nearest one of a mask."""
    import cv2  # as mmcv brings it; boxes need none

    others = ~mask
    pixels = others.byte().numpy()
    distances = cv2.distanceTransform(pixels, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return torch.from_numpy(distances)
