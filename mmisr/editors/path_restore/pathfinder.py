"""The pathfinder: which path a patch takes next, by its features and by where it has been."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State = tuple[Tensor, Tensor]
"""Hidden state and cell of the LSTM, (P, 32) each."""

KERNEL, STRIDE = 5, 4
NARROW, WIDE, HIDDEN = 4, 24, 32
"""Channels after the first and second convolution, and width of the recurrent part."""


class Pathfinder(nn.Module):
    """Conv5 s4, Conv5 s4, FC, LSTM, FC: one network for all blocks of the chain.

    Source: Path-Restore's pathfinder; padding as TensorFlow's SAME, which its code uses: a patch of
    63 is 16, then 4 wide. The softmax is left to who samples.

    Args:
        channels: Width of the features that it reads.
        paths: Number M of paths.
        patch: Side of a patch in pixels.
    """

    def __init__(self, channels: int, paths: int, patch: int = 63) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, NARROW, KERNEL, STRIDE)
        self.conv2 = nn.Conv2d(NARROW, WIDE, KERNEL, STRIDE)
        side = math.ceil(patch / STRIDE)
        side = math.ceil(side / STRIDE)
        num_read = WIDE * side**2
        self.read = nn.Linear(num_read, HIDDEN)
        self.remember = nn.LSTMCell(HIDDEN, HIDDEN)
        self.decide = nn.Linear(HIDDEN, paths)
        _begin(self.conv1, 2 / (KERNEL**2 * NARROW))
        _begin(self.conv2, 2 / (KERNEL**2 * WIDE))
        _begin(self.read, 0.001)
        _begin(self.decide, 0.001)

    def forward(self, features: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Look at the input of a block.

        No gradient goes back into the features: the pathfinder learns from rewards alone, and the
        network that it steers from pixels alone.

        Args:
            features: (P, C, patch, patch).
            state: What the call before returned; None at the first block.

        Returns:
            (P, M) logits and the new state.
        """
        seen = features.detach()
        for conv in (self.conv1, self.conv2):
            padded = _same(seen)
            seen = F.relu(conv(padded))
        flat = seen.flatten(1)
        read = self.read(flat)
        read = F.relu(read)
        state = self.remember(read, state)
        hidden, _ = state
        logits = self.decide(hidden)
        return logits, state


class Walk:
    """One walk of a pass of patches through the chain: asks the pathfinder before every block.

    Args:
        pathfinder: The network.
        pick: Number of the block and (P, M) logits to (P,) int64 paths.
    """

    def __init__(self, pathfinder: Pathfinder, pick: Callable[[int, Tensor], Tensor]) -> None:
        self.pathfinder = pathfinder
        self.pick = pick
        self.state: State | None = None
        self.logits: list[Tensor] = []
        self.actions: list[Tensor] = []

    def __call__(self, block: int, features: Tensor) -> Tensor:
        """(P,) int64 paths through this block."""
        logits, state = self.pathfinder(features, self.state)
        self.state = state
        actions = self.pick(block, logits)
        self.logits.append(logits)
        self.actions.append(actions)
        return actions

    def all_logits(self) -> Tensor:
        """(P, N, M) of the blocks so far."""
        return torch.stack(self.logits, 1)

    def all_actions(self) -> Tensor:
        """(P, N) of the blocks so far."""
        return torch.stack(self.actions, 1)


def sampled(block: int, logits: Tensor) -> Tensor:
    """Paths drawn by their probabilities, for training.

    Args:
        block: Not looked at.
        logits: (P, M).
    """
    chances = logits.detach().softmax(1)
    return torch.multinomial(chances, 1)[:, 0]


def _begin(layer: nn.Conv2d | nn.Linear, variance: float) -> None:
    """Weights of N(0, variance), and no bias."""
    deviation = math.sqrt(variance)
    nn.init.normal_(layer.weight, 0, deviation)
    bias = torch.zeros(len(layer.weight))
    layer.bias = nn.Parameter(bias)


def _same(x: Tensor) -> Tensor:
    """Zeros around the features, so that a strided convolution gives ceil(side / stride)."""
    height, width = x.shape[-2:]
    top, bottom = _margins(height)
    left, right = _margins(width)
    return F.pad(x, (left, right, top, bottom))


def _margins(side: int) -> tuple[int, int]:
    """Zeros before and after; the odd one stands behind."""
    outputs = math.ceil(side / STRIDE)
    last = (outputs - 1) * STRIDE
    covered = last + KERNEL
    missing = covered - side
    total = max(0, missing)
    before = total // 2
    behind = total - before
    return before, behind
