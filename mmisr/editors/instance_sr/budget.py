"""Budget control: how many tokens may go deep, chosen at test time without retraining."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.editors.instance_sr.labels import HARD, MODERATE


@dataclass(frozen=True)
class Budget:
    """What one image may cost; exactly one of the three.

    Args:
        hard_share: Share of the tokens that leave later than the easy exit.
        target_macs: MACs an image, everything charged.
        target_ms: Milliseconds an image; turned into MACs by ``macs_per_ms``.
        macs_per_ms: MACs that the device does in a millisecond, from the benchmark; needed with ``target_ms``.

    Raises:
        ValueError: None or several are given, or one is out of range.
    """

    hard_share: float | None = None
    target_macs: float | None = None
    target_ms: float | None = None
    macs_per_ms: float | None = None

    def __post_init__(self) -> None:
        given = [n for n in ("hard_share", "target_macs", "target_ms") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(f"budget needs exactly one of hard_share, target_macs, target_ms, got {given or 'none'}")
        if self.hard_share is not None and not 0 <= self.hard_share <= 1:
            raise ValueError(f"budget.hard_share must be in [0, 1], got {self.hard_share}")
        if self.target_ms is not None and not self.macs_per_ms:
            raise ValueError("budget.target_ms needs macs_per_ms, measured on this device")

    def route(self, logits: Tensor, cost: Callable[[Tensor], float]) -> Tensor:
        """Choose the deepest tokens of one image within the budget.

        The order is that of a bias on the logits of moderate and hard: tokens by the margin of their best deep logit over
        the easy one.

        Args:
            logits: (3, rows, cols).
            cost: MACs of a routing map (rows, cols), everything charged.

        Returns:
            (rows, cols) int64 exits.
        """
        margin = (logits[1:].max(0).values - logits[0]).flatten()
        order = margin.argsort(dim=0, descending=True, stable=True)
        kind = torch.where(logits[2] >= logits[1], HARD, MODERATE).flatten()

        def first(count: int) -> Tensor:
            exits = torch.zeros_like(kind)
            exits[order[:count]] = kind[order[:count]]
            return exits.view(logits.shape[1:])

        if self.hard_share is not None:
            return first(round(self.hard_share * len(order)))
        limit = self.target_macs if self.target_macs is not None else (self.target_ms or 0) * (self.macs_per_ms or 0)
        low, high = 0, len(order)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if cost(first(middle)) <= limit else (low, middle - 1)
        return first(low)
