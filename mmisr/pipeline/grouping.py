"""Images of equal size run as one batch; none is padded for another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from mmisr.structures.frames import hw_of

Item = TypeVar("Item")


def group_by_shape(images: Sequence[Tensor]) -> list[list[int]]:
    """Indices of images grouped by equal (H, W), in order of first appearance.

    Args:
        images: (C, H_i, W_i) each.

    Example:
        >>> group_by_shape([torch.zeros(3, 4, 5), torch.zeros(3, 6, 6), torch.zeros(3, 4, 5)])
        [[0, 2], [1]]
    """
    groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for index, image in enumerate(images):
        groups[hw_of(image)].append(index)
    return list(groups.values())


def picked(items: Sequence[Item], indices: Sequence[int]) -> list[Item]:
    """The items of a group."""
    return [items[index] for index in indices]


def stacked(images: Sequence[Tensor], indices: Sequence[int]) -> Tensor:
    """The images of a group, (C, H, W) each, as a batch (B, C, H, W)."""
    return torch.stack(picked(images, indices))
