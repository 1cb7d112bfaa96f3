"""Strategy ``TaskGain``: the router learns where depth serves the detector."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmisr.losses.functional import Losses
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Phase, Strategy
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import STRATEGIES
from mmisr.strategies.task_gain.gain import exits_by_gain, extremes, routers_of, token_gains
from mmisr.structures.checks import check_types


@STRATEGIES.register_module()
class TaskGain(Strategy):
    """A router is taught by what the pair's own detector gains from depth, token by token.

    Detector and decoder are fixed. The label of a token is not whether a box covers it, but how
    much of the detector's loss is saved there; negative where SR hurts. At test no ground truth is
    needed: the router predicts it from the LR image.

    Source: ours, see :func:`mmisr.strategies.task_gain.gain.token_gains`.

    Args:
        thresholds: Smallest gain of a token that leaves by the second exit, by the third, ...;
            ``tools/analysis/task_gain.py`` measures those by which given shares do.

    Raises:
        ValueError: The thresholds are not above 0 and ascending, or as many as the editor has exits
            but one; the editor routes nothing; when training, a sample has no boxes.
    """

    def __init__(self, thresholds: Sequence[float]) -> None:
        super().__init__()
        check_types(type(self), {"thresholds": thresholds}, "strategy TaskGain")
        values = [float(value) for value in thresholds]
        if not values or min(values) <= 0 or sorted(values) != values:
            raise ValueError(
                "strategy TaskGain: thresholds must be above 0 and ascending, got "
                f"{list(thresholds)}; tools/analysis/task_gain.py measures them"
            )
        self.thresholds = values

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase: of the editor, of which the router alone has a gradient."""
        return (Phase("route", ("editor",), self.route),)

    def attach(self, pair: SRDetector) -> None:
        """See that the editor has a router that learns, and as many exits as there are thresholds.

        All else of the editor is fixed for good.
        """
        routers = routers_of(pair.editor, self.title)
        needed = routers.num_exits - 1
        if len(self.thresholds) != needed:
            raise ValueError(
                f"{self.title}: {pair.editor.info.name!r} has {routers.num_exits} exits and needs "
                f"{needed} thresholds, got {self.thresholds}"
            )
        network = pair.editor.router_network
        if network is None:
            raise ValueError(f"{self.title}: {pair.editor.info.name!r} has no router that learns")
        pair.editor.requires_grad_(False)
        network.requires_grad_(True)

    def route(self, batch: TrainingBatch) -> Losses:
        """The router's own losses, with the exits that the detector's gain asks for.

        Args:
            batch: What is seen of this iteration.
        """
        gains = self.gains(batch)
        exits = [exits_by_gain(gain, self.thresholds) for gain in gains]
        return batch.router_losses(exits)

    def gains(self, batch: TrainingBatch) -> list[Tensor]:
        """The gain of every token, (rows, cols) per image."""
        return token_gains(batch, extremes(batch))
