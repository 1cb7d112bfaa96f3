"""What teaches the class module: to be sure, and to use every branch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from mmisr.structures.checks import check_fields


@dataclass(frozen=True)
class LossWeights:
    """Weights of the three terms, by default those of images in [0, 1].

    Source: official options (1000, 0.5, 3); for images in 0..255 the first is 4.

    Args:
        image: Of the L1 distance between the SR image and HR.
        sure: Of the class loss.
        even: Of the average loss.

    Raises:
        ValueError: A weight is negative.
    """

    image: float = 1000.0
    sure: float = 0.5
    even: float = 3.0

    def __post_init__(self) -> None:
        check_fields(self, "ClassSR.loss")
        if min(self.image, self.sure, self.even) < 0:
            raise ValueError(f"ClassSR.loss: weights must be at least 0, got {self}")


def class_loss(probabilities: Tensor) -> Tensor:
    """How undecided the class module is.

    Source: ClassSR, eq. 3: (M - 1) - sum over i < j of |p_i - p_j|, mean over the tiles.

    Args:
        probabilities: (N, M); rows sum to 1.

    Returns:
        Scalar; 0 where every row is one-hot, M - 1 where all are uniform.

    Example:
        >>> class_loss(torch.tensor([[1.0, 0.0, 0.0]])).item()
        0.0
    """
    of_classes = probabilities.unbind(1)
    most = len(of_classes) - 1
    first = of_classes[0]
    undecided = torch.full_like(first, most)
    for first, second in combinations(of_classes, 2):
        difference = first - second
        undecided = undecided - difference.abs()
    return undecided.mean()


def average_loss(probabilities: Tensor) -> Tensor:
    """How unevenly a batch uses the branches.

    Source: ClassSR, eq. 4, as the official code has it: sum over the classes of |sum of p - N / M|,
    over 4 N / M. It is of the batch's sums, so it needs a large one (96 there).

    Args:
        probabilities: (N, M); rows sum to 1.

    Returns:
        Scalar; 0 where every branch gets N / M, 1 where one of three gets all.

    Example:
        >>> average_loss(torch.eye(3)).item()
        0.0
    """
    num_tiles, num_classes = probabilities.shape
    even = num_tiles / num_classes
    uneven = (probabilities.sum(0) - even).abs()
    return uneven.sum() / (4 * even)


def mixture(images: list[Tensor], probabilities: Tensor) -> Tensor:
    """The image that trains: what the branches make of a tile, by their probabilities.

    Args:
        images: M of (N, 3, h, w), from the smallest branch on.
        probabilities: (N, M).

    Returns:
        (N, 3, h, w).
    """
    stacked = torch.stack(images, dim=1)
    weights = probabilities[:, :, None, None, None]
    return (weights * stacked).sum(1)
