"""Hook that moves InstanceSR through its stages and watches the classes."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper

from mmisr.editors.instance_sr.editor import STAGES
from mmisr.registry import HOOKS

CLASSES = ("easy", "moderate", "hard")


@HOOKS.register_module()
class InstanceSRStageHook(Hook):
    """Train the decoder, then the encoder, then both; the stage is a function of the iteration, so a resumed run is in
    the right one.

    Every ``interval`` iterations the shares of the three classes are logged, as labelled and as routed. A warning is
    raised when the router sends nearly everything one way although the labels do not: a collapse. Few moderate labels in a
    data set of tiny objects are no collapse.

    Args:
        encoder_from: First iteration of the encoder stage.
        joint_from: First iteration of the joint stage.
        interval: Iterations between two reports.
        collapse: Share of one class from which a report counts as a collapse.

    Raises:
        ValueError: The stages are out of order.
    """

    def __init__(self, encoder_from: int, joint_from: int, interval: int = 100, collapse: float = 0.995) -> None:
        if not 0 <= encoder_from <= joint_from:
            raise ValueError(f"stages need 0 <= encoder_from <= joint_from, got {encoder_from} and {joint_from}")
        self.starts = (0, encoder_from, joint_from)
        self.interval = interval
        self.collapse = collapse
        self.sums: dict[str, float] = {}
        self.seen = 0

    def stage_at(self, iteration: int) -> str:
        """The stage of an iteration, counted from 0."""
        return [name for name, start in zip(STAGES, self.starts, strict=True) if iteration >= start][-1]

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Enter the stage of this iteration."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        stage = self.stage_at(runner.iter)
        if model.stage != stage or runner.iter in self.starts or batch_idx == 0:
            model.set_stage(stage)
            print_log(f"InstanceSR stage `{stage}` from iteration {runner.iter}", logger="current")

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Sum the shares, and report them now and then."""
        shares = {k: float(v) for k, v in (outputs or {}).items() if k.startswith(("labels_", "routed_"))}
        if not shares:
            return
        for name, value in shares.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.seen += 1
        if self.seen % self.interval == 0:
            print_log(self.report(), logger="current")
            self.sums.clear()

    def report(self) -> str:
        """One line on the classes since the last report; begins with WARNING on a collapse."""
        text = {}
        for who in ("labels", "routed"):
            values = [self.sums.get(f"{who}_{c}", 0.0) for c in CLASSES]
            total = max(sum(values), 1e-12)
            text[who] = [v / total for v in values]
        line = "; ".join(f"{who}: " + ", ".join(f"{c} {v:.3f}" for c, v in zip(CLASSES, t, strict=True))
                         for who, t in text.items())
        if max(text["routed"]) >= self.collapse > max(text["labels"]):
            return f"WARNING: the router has collapsed to one class. Tokens {line}. Raise loss.recall or check the labels."
        return f"tokens {line}"
