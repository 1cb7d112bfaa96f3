"""Hook that moves a model through stages of its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper

from mmisr.registry import HOOKS


@HOOKS.register_module()
class StageHook(Hook):
    """Tell the model its stage, by ``model.set_stage(name)``, before it learns.

    The stage is a function of the iteration alone, so a resumed run is in the right one.

    Args:
        stages: Names of the stages in order, and the first iteration of each; the first begins at
            0, and a stage that begins with the next one is left out.

    Raises:
        ValueError: No stage begins at 0, or they are out of order.
    """

    def __init__(self, stages: Mapping[str, int]) -> None:
        starts = list(stages.values())
        if not starts or starts[0] != 0 or starts != sorted(starts):
            raise ValueError(
                f"stages need 0 = first <= second <= ..., got {dict(stages)}; give every stage the "
                "iteration that it begins at, in order"
            )
        self.stages = dict(stages)
        self.stage: str | None = None

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
        self.entered(stage)
        kind = type(model).__name__
        print_log(f"{kind} stage `{stage}` from iteration {iteration}", logger="current")

    def entered(self, stage: str) -> None:
        """What else a subclass does when a stage begins."""
