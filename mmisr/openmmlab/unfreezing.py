"""Hook that lets weights learn only from some iteration on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import nn

from mmisr.registry import HOOKS


@HOOKS.register_module()
class UnfreezeHook(Hook):
    """Until an iteration only some weights of a part learn; from it on, all of them do.

    What waits takes no gradient, so that no optimiser moves it or keeps a state of it. This is a
    function of the iteration alone, and a resumed run is where it was. It holds in every phase,
    with mixed precision, and with several processes; there a pair with one phase, or an editor
    alone, needs ``find_unused_parameters = True``.

    Source: SFTGAN's training, whose generator learns only after 20,000 iterations of its new layers
    alone. Learning rates that differ are ``paramwise_cfg=dict(custom_keys=...)`` of the optimiser.

    Args:
        at: First iteration, from 0, in which all weights learn.
        from_start: What the names of the weights that need not wait contain, any of them.
        part: Part of the model that this is about, e.g. ``editor`` of a pair; None for all of it.

    Raises:
        ValueError: ``at`` is negative, or ``from_start`` is empty; when training, the model has no
            such part or no such weights.
    """

    def __init__(self, at: int, from_start: Sequence[str], part: str | None = None) -> None:
        if at < 0 or not from_start:
            raise ValueError(
                f"UnfreezeHook needs at >= 0 and names in from_start, got at={at}, "
                f"from_start={list(from_start)}"
            )
        self.at = at
        self.from_start = tuple(from_start)
        self.part = part
        self.waiting: list[nn.Parameter] = []

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Freeze what waits, or unfreeze it."""
        waits = runner.iter < self.at
        if waits and not self.waiting:
            self.waiting = self._late(runner.model)
            self._let_learn(False)
        elif self.waiting and not waits:
            self._let_learn(True)
            self.waiting = []
            print_log(f"UnfreezeHook: all weights learn from iteration {runner.iter}", "current")

    def after_train(self, runner: Any) -> None:
        """Leave the model as it was given."""
        self._let_learn(True)
        self.waiting = []

    def _let_learn(self, learns: bool) -> None:
        for weight in self.waiting:
            weight.requires_grad_(learns)

    def _late(self, model: nn.Module) -> list[nn.Parameter]:
        """The weights that wait, of those that learn at all."""
        part = self._part_of(model)
        late = []
        early = 0
        for name, weight in part.named_parameters():
            if any(key in name for key in self.from_start):
                early += 1
            elif weight.requires_grad:
                late.append(weight)
        if not early:
            raise ValueError(
                f"UnfreezeHook.from_start={list(self.from_start)} names no weight of "
                f"{type(part).__name__}: nothing would learn before iteration {self.at}"
            )
        return late

    def _part_of(self, model: nn.Module) -> nn.Module:
        inner: Any = model.module if is_model_wrapper(model) else model
        part: Any = inner
        if self.part is not None:
            part = getattr(inner, self.part, None)
        if not isinstance(part, nn.Module):
            raise ValueError(
                f"UnfreezeHook.part={self.part!r} is no part of {type(inner).__name__}; leave it "
                "out where an editor is trained alone"
            )
        return part
