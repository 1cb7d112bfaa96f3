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
        most = max(1, BATCH_PIXELS // (slots.side + 2) ** 2)
        waiting = self._waiting.setdefault(level, [])
        for start in range(0, len(slots), most):
            some = slots.select(slice(start, start + most))
            waiting.append((gather_tokens(x, some, margin=1), some.token))
            if sum(len(tokens) for _, tokens in waiting) >= most:
                self._leave(level)

    def finish(self) -> None:
        """Let those leave that still wait."""
        for level in self._waiting:
            self._leave(level)

    def _leave(self, level: int) -> None:
        waiting = self._waiting[level]
        if not waiting:
            return
        features = torch.cat([patches for patches, _ in waiting])
        tokens = torch.cat([indices for _, indices in waiting])
        waiting.clear()
        patches = self.decoder.leave(level, features, padding=0)
        scatter_add_tokens(self.out, patches, tokens)
