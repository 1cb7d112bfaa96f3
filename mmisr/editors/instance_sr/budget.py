"""Budget control: how many tokens may go deep, chosen at test time without retraining."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.editors.instance_sr.labels import HARD, MODERATE
from mmisr.structures.checks import check_fields


@dataclass(frozen=True)
class Budget:
    """What one image may cost; exactly one of the first three.

    Args:
        hard_share: Share of the tokens that leave later than the easy exit.
        target_macs: MACs an image, everything charged.
        target_ms: Milliseconds an image, by the costs of the device, which are measured once and
            cached.

    Raises:
        ValueError: None or several are given, or one is out of range.
    """

    hard_share: float | None = None
    target_macs: float | None = None
    target_ms: float | None = None

    def __post_init__(self) -> None:
        check_fields(self, "budget")
        names = ("hard_share", "target_macs", "target_ms")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if len(given) != 1:
            raise ValueError(f"budget needs exactly one of {names}, got {sorted(given) or 'none'}")
        if self.hard_share is not None and not 0 <= self.hard_share <= 1:
            raise ValueError(f"budget.hard_share must be in [0, 1], got {self.hard_share}")
        for name in ("target_macs", "target_ms"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"budget.{name} must be positive, got {value}")

    @property
    def limit(self) -> float | None:
        """MACs or milliseconds that an image may cost.

        None where the budget is a share of the tokens.
        """
        return self.target_macs if self.target_ms is None else self.target_ms

    def route(self, logits: Tensor, cost: Callable[[Tensor], float]) -> Tensor:
        """Choose the deepest tokens of one image within the budget.

        The order is that of a bias on the logits of moderate and hard: tokens by the margin of
        their best deep logit over the easy one. A token that goes deep is hard or moderate as its
        logits say.

        Args:
            logits: (3, rows, cols).
            cost: MACs, or milliseconds with ``target_ms``, of a routing map (rows, cols),
                everything charged.

        Returns:
            (rows, cols) int64 exits; all easy, with a warning, where even that costs more than the
            budget.
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
        return first(_most(len(order), lambda count: cost(first(count)), self.limit or 0.0))


def _most(top: int, cost: Callable[[int], float], limit: float) -> int:
    """The largest count within the limit, for a cost that grows with the count but for small steps of the planner."""
    if cost(top) <= limit:
        return top
    floor = cost(0)
    if floor > limit:
        warnings.warn(
            f"InstanceSR budget of {limit:.4g} an image is below the cost of an image whose every "
            f"token is easy, "
            f"{floor:.4g}: nothing goes deep, and the budget is exceeded",
            stacklevel=2,
        )
        return 0
    low, high = 0, top
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle) <= limit else (low, middle)
    return low
