"""Steps of which chance decides whether and which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Generator, Tensor

from mmisr.degradation.chance import choice, uniform
from mmisr.degradation.steps.base import Step, build_steps
from mmisr.registry import DEGRADATIONS

NEAR_ONE = 1e-6


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class OneOf(Step):
    """One of several ways for each image.

    Args:
        options: Each a step, several in their order, or none: ``[]``.
        shares: Share of the images that go each way; sums to 1. None for equal ones.

    Raises:
        ValueError: There is no option, or the shares are not those of the options.

    Example:
        >>> OneOf([dict(type="JPEG", quality=(40, 40)), []], shares=[0.3, 0.7]).version
        1
    """

    options: Any
    shares: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        built = tuple(build_steps(option) for option in self.options or ())
        object.__setattr__(self, "options", built)
        super().__post_init__()

    def check(self) -> None:
        """See that the values make sense."""
        if not self.options:
            raise ValueError(f"{self.title}: options must be at least one, got none")
        shares = self.shares
        if shares is None:
            return
        if len(shares) != len(self.options) or min(shares) < 0 or abs(sum(shares) - 1) > NEAR_ONE:
            raise ValueError(
                f"{self.title}: shares must be one per option, {len(self.options)} numbers from 0 "
                f"on whose sum is 1, got {list(shares)}"
            )

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Go the way that is drawn."""
        for step in self._drawn(draw):
            levels = step(levels, lr_hw, draw)
        return levels

    def _drawn(self, draw: Generator) -> tuple[Step, ...]:
        options: tuple[tuple[Step, ...], ...] = self.options
        if self.shares is None:
            return choice(draw, options)
        place = uniform(draw, 0.0, 1.0)
        reached = 0.0
        for option, share in zip(options, self.shares, strict=True):
            reached += share
            if place < reached:
                return option
        return options[-1]
