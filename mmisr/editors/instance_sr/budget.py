"""Budget control: how many tokens may go deep, chosen at test time without retraining."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mmisr.editors.instance_sr.labels import HARD, MODERATE
from mmisr.structures.checks import check_fields

LIMITS = ("hard_share", "target_macs", "target_ms")


class Prices(Protocol):
    """What one image costs by a (rows, cols) routing map on the host, everything charged."""

    def macs(self, exits: Tensor) -> float:
        """MACs."""

    def ms(self, exits: Tensor) -> float:
        """Milliseconds, by the costs of the device."""


@dataclass(frozen=True)
class Budget:
    """What one image may cost; exactly one of the three.

    Args:
        hard_share: Share of the tokens that leave later than the easy exit, in [0, 1].
        target_macs: MACs per image, everything charged.
        target_ms: Milliseconds per image, by the costs of the device, which are measured once and
            cached.

    Raises:
        ValueError: None or several are given, or one is out of range.
    """

    hard_share: float | None = None
    target_macs: float | None = None
    target_ms: float | None = None

    def __post_init__(self) -> None:
        check_fields(self, "budget")
        given = {}
        for name in LIMITS:
            value = getattr(self, name)
            if value is not None:
                given[name] = value
        if len(given) != 1:
            names = sorted(given) or "none"
            raise ValueError(f"budget needs exactly one of {LIMITS}, got {names}")
        for name, value in given.items():
            if name == "hard_share" and not 0 <= value <= 1:
                raise ValueError(f"budget.hard_share must be in [0, 1], got {value}")
            if name != "hard_share" and not value > 0:
                raise ValueError(f"budget.{name} must be positive, got {value}")

    @property
    def in_ms(self) -> bool:
        """Whether milliseconds are limited."""
        return self.target_ms is not None

    def route(self, logits: Tensor, prices: Prices) -> Tensor:
        """Choose the deepest tokens of one image within the budget.

        The order is that of a bias on the logits of moderate and hard: tokens by the margin of
        their best deep logit over the easy one. A token that goes deep is hard or moderate as its
        logits say.

        Args:
            logits: (3, rows, cols), on the host.
            prices: What routing maps cost.

        Returns:
            (rows, cols) int64 exits; all easy, with a warning, where even that costs more than the
            budget.
        """
        easy, moderate, hard = logits
        margin = margins(logits[None]).flatten()
        order = margin.argsort(dim=0, descending=True, stable=True)
        depth = torch.where(hard >= moderate, HARD, MODERATE)
        depth = depth.flatten()

        def first(count: int) -> Tensor:
            exits = torch.zeros_like(depth)
            chosen = order[:count]
            exits[chosen] = depth[chosen]
            return exits.view_as(easy)

        num_tokens = len(order)
        if self.hard_share is not None:
            count = round(self.hard_share * num_tokens)
            return first(count)
        limit, price = self.target_macs or 0.0, prices.macs
        if self.target_ms is not None:
            limit, price = self.target_ms, prices.ms
        count = _most(num_tokens, lambda count: price(first(count)), limit)
        return first(count)


def margins(logits: Tensor) -> Tensor:
    """How far the better of the deep logits is above the easy one.

    Args:
        logits: (B, 3, rows, cols).

    Returns:
        (B, rows, cols).
    """
    deep = logits[:, 1:].amax(1)
    return deep - logits[:, 0]


def _most(top: int, cost: Callable[[int], float], limit: float) -> int:
    """The largest count up to ``top`` whose cost is within the limit.

    The cost must grow with the count, but for small steps of the planner.
    """
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
        if cost(middle) <= limit:
            low = middle
        else:
            high = middle
    return low
