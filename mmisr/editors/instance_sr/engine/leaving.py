"""Tokens on their way through an exit."""

from __future__ import annotations

import torch
from torch import Tensor

from mmisr.editors.instance_sr.decoder import Decoder
from mmisr.editors.instance_sr.engine.batches import BATCH_PIXELS
from mmisr.ops.patches import Slots, gather_tokens, scatter_add_tokens


class Leaving:
    """Collects tokens and lets many leave at once: small convolutions cost more than their MACs.

    Args:
        decoder: The network whose exits they take.
        out: (B, 3 s^2, h, w) sub-pixels, added to in place.
    """

    def __init__(self, decoder: Decoder, out: Tensor) -> None:
        self.decoder = decoder
        self.out = out
        self._waiting: dict[int, list[tuple[Tensor, Tensor]]] = {}

    def add(self, level: int, x: Tensor, slots: Slots) -> None:
        """Let tokens leave by the exit of ``level``, now or with those to come.

        Args:
            level: EASY, MODERATE or HARD.
            x: (N, C, h, w) features of windows.
            slots: M tokens in them.
        """
        count = len(slots)
        most = _most_tokens(slots.side)
        waiting = self._waiting.setdefault(level, [])
        for start in range(0, count, most):
            end = start + most
            chosen = slice(start, end)
            some = slots.select(chosen)
            features = gather_tokens(x, some, margin=1)
            tokens = some.token
            waiting.append((features, tokens))
            if _count(waiting) >= most:
                self._leave(level)

    def finish(self) -> None:
        """Let those leave that still wait."""
        for level in self._waiting:
            self._leave(level)

    def _leave(self, level: int) -> None:
        waiting = self._waiting[level]
        if not waiting:
            return
        all_features, all_tokens = zip(*waiting, strict=True)
        waiting.clear()
        features = torch.cat(all_features)
        tokens = torch.cat(all_tokens)
        patches = self.decoder.leave(level, features, padding=0)
        scatter_add_tokens(self.out, patches, tokens)


def _count(waiting: list[tuple[Tensor, Tensor]]) -> int:
    return sum(len(tokens) for _, tokens in waiting)


def _most_tokens(side: int) -> int:
    """Tokens that leave at once, each with the margin that the exit's convolution sees."""
    pixels = (side + 2) ** 2
    return max(1, BATCH_PIXELS // pixels)
