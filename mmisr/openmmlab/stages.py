"""Hook that moves an editor through the stages of its training and watches its classes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import Tensor

from mmisr.registry import HOOKS

SOURCES = ("labels", "routed")
"""Whose choice a logged share is: the data's, or the router's."""

Shares = dict[str, Tensor]
"""By class: the share of the tokens, or a sum of shares."""


@HOOKS.register_module()
class StageHook(Hook):
    """Change what an editor learns at given iterations, and log how its classes are used.

    The stage is a function of the iteration alone, so a resumed run is in the right one. The editor
    has a method ``set_stage``. Parameters outside a stage get no
    gradient; with several processes the config needs ``find_unused_parameters = True``.

    The shares of the classes that the editor's losses log, as labelled (``labels_<class>``) and as
    routed (``routed_<class>``), are reported every ``interval`` iterations and at the end of every
    epoch. A histogram of one class alone is a collapse and raises a warning: of the labels, because
    nothing can be learned from them; of the router, because it routes no more.

    Args:
        stages: Names of the stages in order, and the first iteration of each, e.g.
            ``dict(branches=0, joint=1000)``. The first begins at 0, and a stage that begins with
            the next one is left out.
        interval: Iterations between two reports, 100 by default.
        collapse: Share of one class from which a histogram counts as a collapse, .995 by default.

    Raises:
        ValueError: No stage begins at 0, they are out of order, or ``interval`` or ``collapse`` is
            out of range.
    """

    title = "patches"
    ways_out: Mapping[str, str] = {
        "labels": "check what the classes of the data are made of",
        "routed": "raise the weight of the loss that keeps the classes even, or train for longer",
    }

    def __init__(
        self, stages: Mapping[str, int], interval: int = 100, collapse: float = 0.995
    ) -> None:
        starts = list(stages.values())
        if not starts or starts[0] != 0 or starts != sorted(starts):
            raise ValueError(
                f"stages need 0 = first <= second <= ..., got {dict(stages)}; give every stage the "
                "iteration that it begins at, in order"
            )
        if interval < 1 or not 0 < collapse <= 1:
            raise ValueError(
                f"need interval >= 1 and 0 < collapse <= 1, got {interval} and {collapse}"
            )
        self.stages = dict(stages)
        self.interval = interval
        self.collapse = collapse
        self.stage: str | None = None
        self.sums: dict[str, Shares] = {}
        self._forget()

    def stage_at(self, iteration: int) -> str:
        """The stage of an iteration, counted from 0."""
        entered = [name for name, start in self.stages.items() if start <= iteration]
        return entered[-1]

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Enter the stage of this iteration."""
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        iteration = runner.iter
        stage = self.stage_at(iteration)
        if stage == self.stage:
            return
        model.set_stage(stage)
        self.stage = stage
        self._forget()
        name = type(model).__name__
        print_log(f"{name} stage `{stage}` from iteration {iteration}", logger="current")

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Sum the shares, and report them now and then."""
        for who, shares in logged_shares(outputs or {}).items():
            sums = self.sums[who]
            for name, share in shares.items():
                sums[name] = sums.get(name, torch.zeros_like(share)) + share
        if self.every_n_train_iters(runner, self.interval):
            self.report()

    def after_train_epoch(self, runner: Any) -> None:
        """Report what is left of the epoch."""
        self.report()

    def report(self) -> None:
        """Log the histograms since the last report, over all processes."""
        for who, sums in self.sums.items():
            if not sums:
                continue
            counts = torch.stack(list(sums.values()))
            all_reduce(counts)
            shares = counts / counts.sum()
            by_class = dict(zip(sums, shares.tolist(), strict=True))
            text, level = self.histogram_line(who, by_class)
            print_log(text, logger="current", level=level)
        self._forget()

    def histogram_line(self, who: str, shares: Mapping[str, float]) -> tuple[str, int]:
        """What to log of one histogram.

        Args:
            who: ``labels`` or ``routed``.
            shares: By class.

        Returns:
            The line and its logging level: a warning on a collapse.
        """
        text = ", ".join(f"{name} {share:.3f}" for name, share in shares.items())
        if max(shares.values()) < self.collapse:
            return f"{self.title}, {who}: {text}", logging.INFO
        way_out = self.ways_out[who]
        return (
            f"{self.title}, {who}, have collapsed to one class: {text}; {way_out}",
            logging.WARNING,
        )

    def _forget(self) -> None:
        self.sums = {who: {} for who in SOURCES}


def logged_shares(outputs: Mapping[str, Any]) -> dict[str, Shares]:
    """The shares among what a step logged, in the order in which it did.

    Args:
        outputs: What a model's ``train_step`` returns.

    Returns:
        By source and class; empty where a stage logs none.
    """
    shares: dict[str, Shares] = {}
    for who in SOURCES:
        prefix = f"{who}_"
        of_source = {}
        for key, value in outputs.items():
            if key.startswith(prefix):
                share = torch.as_tensor(value).detach().float()
                of_source[key.removeprefix(prefix)] = share
        shares[who] = of_source
    return shares
