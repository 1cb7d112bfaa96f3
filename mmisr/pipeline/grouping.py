"""Images of equal size run as one batch; none is padded for another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
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


def mean_over_groups(
    images: Sequence[Tensor], losses_of: Callable[[list[int]], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """Losses of a batch whose images have several sizes.

    Args:
        images: (3, h_i, w_i) each.
        losses_of: The losses of the images with these indices, which have one size.

    Returns:
        By name, the mean over the groups, which count by their images.
    """
    count = len(images)
    parts: defaultdict[str, list[Tensor]] = defaultdict(list)
    for indices in group_by_shape(images):
        share = len(indices) / count
        losses = losses_of(indices)
        for name, value in losses.items():
            part = value * share
            parts[name].append(part)
    means = {}
    for name, of_groups in parts.items():
        total = torch.stack(of_groups)
        means[name] = total.sum(0)
    return means
