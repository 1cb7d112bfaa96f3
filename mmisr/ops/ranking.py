"""Exits by rank: so many tokens deep, whoever says which come first."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def check_shares(shares: Sequence[float], num_exits: int) -> tuple[float, ...]:
    """Shares of the tokens that leave by each exit, checked.

    Args:
        shares: First exit to last.
        num_exits: How many there are.

    Raises:
        ValueError: There are not as many, one is negative, or they do not sum to 1.
    """
    total = sum(shares)
    if len(shares) != num_exits or min(shares) < 0 or abs(total - 1) > 1e-6:
        raise ValueError(
            f"shares must be {num_exits} numbers >= 0, one per exit from the easiest on, that sum "
            f"to 1, got {tuple(shares)}"
        )
    return tuple(shares)


def counts_of(shares: Sequence[float], num_tokens: int) -> list[int]:
    """Tokens of each exit.

    Rounded from the deepest on, so that as many go deep in all as the shares say.

    Args:
        shares: First exit to last; they sum to 1.
        num_tokens: How many tokens there are.

    Example:
        >>> counts_of((0.5, 0.25, 0.25), 10)
        [5, 3, 2]
    """
    counts = []
    deeper = 0
    share = 0.0
    for of_exit in reversed(shares):
        share += of_exit
        up_to_here = round(share * num_tokens)
        counts.append(up_to_here - deeper)
        deeper = up_to_here
    return counts[::-1]


def counts_of_each(shares: Sequence[float], strength: Tensor) -> Tensor:
    """Tokens of each exit, the same for every image of a batch.

    Args:
        shares: First exit to last; they sum to 1.
        strength: (B, rows, cols) of the tokens.

    Returns:
        (B, exits) int64.

    Example:
        >>> counts_of_each((0.5, 0.5), torch.rand(2, 2, 3))
        tensor([[3, 3],
                [3, 3]])
    """
    num_images, rows, cols = strength.shape
    counts = counts_of(shares, rows * cols)
    return torch.tensor([counts] * num_images, device=strength.device)


def counted(exits: Tensor, num_exits: int) -> Tensor:
    """Tokens that leave by each exit.

    Args:
        exits: (B, rows, cols) int64.
        num_exits: How many exits there are.

    Returns:
        (B, num_exits) int64.

    Example:
        >>> counted(torch.tensor([[[0, 2, 2]]]), 3)
        tensor([[1, 0, 2]])
    """
    flat = exits.flatten(1)
    of_each = []
    for number in range(num_exits):
        is_this = flat == number
        of_each.append(is_this.sum(1))
    return torch.stack(of_each, 1)


def by_rank(strength: Tensor, counts: Tensor) -> Tensor:
    """Exits by rank: the strongest tokens go deepest.

    Args:
        strength: (B, rows, cols).
        counts: (B, exits) tokens of each exit, first to last; each row sums to rows * cols.

    Returns:
        (B, rows, cols) int64 exits.

    Example:
        >>> by_rank(torch.tensor([[[5.0, 1.0, 3.0]]]), torch.tensor([[1, 1, 1]]))
        tensor([[[2, 0, 1]]])
    """
    flat = strength.flatten(1)
    order = flat.argsort(dim=1, stable=True, descending=True)
    rank = order.argsort(dim=1, stable=True)
    # Tokens of an exit and of all deeper ones.
    deeper = counts.flip(1).cumsum(1)[:, :-1]
    is_before = rank[:, :, None] < deeper[:, None, :].to(rank.device)
    return is_before.sum(2).view_as(strength)


def edges(lr: Tensor) -> Tensor:
    """How strong an edge every pixel is on: the absolute Laplacian of the grey values.

    Source: ARM (Chen et al., ECCV 2022), which ranks patches by its mean.

    Args:
        lr: (B, 3, h, w); continued by its border pixels.

    Returns:
        (B, 1, h, w).
    """
    grey = lr.mean(1, keepdim=True)
    padded = F.pad(grey, [1] * 4, mode="replicate")
    middle = slice(1, -1)
    above = padded[..., :-2, middle]
    below = padded[..., 2:, middle]
    left = padded[..., middle, :-2]
    right = padded[..., middle, 2:]
    laplacian = above + below + left + right - 4 * grey
    return laplacian.abs()


def draws(grid: tuple[int, int], seeds: Sequence[int]) -> Tensor:
    """A random number per token that depends on the image's seed alone, not on its batch.

    Args:
        grid: Rows and columns.
        seeds: One per image.

    Returns:
        (B, rows, cols) in [0, 1), on the host.
    """
    of_images = []
    for seed in seeds:
        generator = torch.Generator()
        generator.manual_seed(seed)
        draw = torch.rand(grid, generator=generator)
        of_images.append(draw)
    return torch.stack(of_images)
