"""Where the objects of an image are, where their boundaries, and where the background."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.ops.coverage import raster


@dataclass(frozen=True)
class Regions:
    """Three masks that part an image: each pixel is 1 in one of them and 0 in the others.

    Args:
        object: (H, W) float32, inside an object and off its boundary.
        boundary: (H, W), within ``radius`` pixels of an object's edge, on either side.
        background: (H, W), the rest.
    """

    object: Tensor
    boundary: Tensor
    background: Tensor


def regions(masks: Iterable[Tensor], hw: tuple[int, int], radius: int = 2) -> Regions:
    """Part an image by its objects.

    Source: SROBB (Rad et al., ICCV 2019): class edges, dilated by a disk. There the objects are the
    segments of a label map; here masks or boxes.

    Convention: an edge lies between two pixels. The border of the image is none: an object that the
    image cuts off goes on beyond it.

    Args:
        masks: (H, W) bool of each object.
        hw: Height and width of the image.
        radius: How far the boundary reaches from an edge, in pixels, at least 1.

    Returns:
        The regions, on the CPU.

    Example:
        >>> mask = torch.tensor([[0, 0, 0, 1, 1, 1]]).bool()
        >>> parts = regions([mask], (1, 6), radius=1)
        >>> parts.boundary.int().tolist(), parts.object.int().tolist()
        ([[0, 0, 1, 1, 0, 0]], [[0, 0, 0, 0, 1, 1]])
    """
    inside = torch.zeros(hw).bool()
    edges = torch.zeros(hw).bool()
    for mask in masks:
        beside = _beside_an_edge(mask)
        inside |= mask
        edges |= beside
    # An edge has pixels on both sides already.
    boundary = _dilated(edges, radius - 1)
    off_boundary = ~boundary
    within = inside & off_boundary
    outside = ~inside & off_boundary
    return Regions(within.float(), boundary.float(), outside.float())


def _beside_an_edge(mask: Tensor) -> Tensor:
    """Pixels of which a neighbour above, below, left or right has the other value."""
    down = _beside_a_change(mask)
    across = _beside_a_change(mask.T)
    return down | across.T


def _beside_a_change(mask: Tensor) -> Tensor:
    """Pixels of which the one above or below has the other value."""
    above = mask[:-1]
    below = mask[1:]
    differs = above != below
    beside = torch.zeros_like(mask)
    beside[:-1] = differs
    beside[1:] |= differs
    return beside


def _dilated(mask: Tensor, radius: int) -> Tensor:
    """Pixels with one of the mask within a disk around them."""
    if radius == 0:
        return mask
    steps = torch.arange(-radius, radius + 1)
    squares = steps.square()
    columns = squares[:, None]
    distances = columns + squares
    disk = distances <= radius**2
    kernel = disk.float()
    image = mask.float()
    counts = F.conv2d(image[None, None], kernel[None, None], padding=radius)
    counts = counts[0, 0]
    # The counts are whole, whatever the convolution rounds.
    return counts > 0.5


def box_masks(xyxy: Tensor, hw: tuple[int, int]) -> Iterator[Tensor]:
    """A mask of each box, one after the other.

    Args:
        xyxy: (N, 4) boxes in the image.
        hw: Height and width of the image.

    Yields:
        (H, W) bool, the pixels that the box touches.
    """
    for box in xyxy:
        yield raster(box[None], hw).bool()
