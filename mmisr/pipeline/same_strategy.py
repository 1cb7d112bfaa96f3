"""A run goes on with the strategy that it was begun with."""

from __future__ import annotations

from typing import Any, cast

from mmengine.hooks import Hook

from mmisr.pipeline.strategy import Strategy
from mmisr.pipeline.weights import unwrapped

KEY = "strategy"
"""Of a training checkpoint: what :func:`described` says."""


def described(strategy: Strategy) -> dict[str, Any]:
    """A strategy by name, and its phases by name and parts, as a checkpoint holds it.

    Args:
        strategy: Of the pair that is trained.
    """
    phases = {phase.name: list(phase.learns) for phase in strategy.phases}
    return {"type": type(strategy).__name__, "phases": phases}


class SameStrategyHook(Hook):
    """Writes the strategy into checkpoints, and refuses to resume from one of another.

    Optimisers and schedules belong to the phases that they were made for. A checkpoint that does
    not say whose it is passes: its optimisers are mmengine's to compare.
    """

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Say whose checkpoint it is."""
        checkpoint[KEY] = described(_strategy(runner))

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """See whose checkpoint it is, where a run goes on.

        Raises:
            ValueError: It is of another strategy, or of other phases.
        """
        begun = checkpoint.get(KEY)
        if not runner._resume or begun is None:
            return
        wanted = described(_strategy(runner))
        if begun != wanted:
            raise ValueError(
                f"the run that is to be resumed was trained with strategy {_told(begun)}, and the "
                f"config has {_told(wanted)}: resume with the config that it was begun with, or "
                "start anew from its weights (load_from=FILE, without --resume)"
            )


def _strategy(runner: Any) -> Strategy:
    pair: Any = unwrapped(runner.model)
    return cast("Strategy", pair.strategy)


def _told(strategy: Any) -> str:
    """``HRDistill (restore: editor; detect: detector)``."""
    if not isinstance(strategy, dict):
        return repr(strategy)
    phases = strategy.get("phases") or {}
    words = []
    for name, learns in phases.items():
        parts = ", ".join(learns)
        words.append(f"{name}: {parts}")
    listed = "; ".join(words)
    kind = strategy.get("type")
    return f"{kind} ({listed})"
