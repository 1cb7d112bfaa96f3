"""The protocol of a training strategy: how the pair is taught."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mmengine.optim import OptimWrapper
from torch import Tensor

if TYPE_CHECKING:
    from mmisr.openmmlab.detector import DetDataSample
    from mmisr.pipeline.sr_detector import SRDetector


class Strategy(Protocol):
    """What SRDetector asks of a strategy; training regimes differ by config, never by subclass of the pair."""

    def set_up(self, model: SRDetector) -> None:
        """Freeze what this strategy does not train; called once, when the pair is built."""

    def set_modes(self, model: SRDetector) -> None:
        """Correct train/eval modes of the parts; called after every ``model.train(mode)``."""

    def losses(
        self, model: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> dict[str, Tensor | list[Tensor]]:
        """All losses of one batch; the sum of those whose name contains ``loss`` is minimised."""

    def train_step(self, model: SRDetector, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Any]:
        """One optimiser step; strategies with two phases override it."""


class OnePhase(ABC):
    """Base of the strategies that take one ordinary optimiser step per batch; set-up and modes may stay as they are."""

    def set_up(self, model: SRDetector) -> None:  # noqa: B027  (a default, not a forgotten override)
        """Nothing is frozen unless a strategy says so."""

    def set_modes(self, model: SRDetector) -> None:  # noqa: B027
        """Modes stay as set unless a strategy says otherwise."""

    @abstractmethod
    def losses(
        self, model: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> dict[str, Tensor | list[Tensor]]:
        """All losses of one batch."""

    def train_step(self, model: SRDetector, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Any]:
        """Forward, backward, step, as mmengine's ``BaseModel.train_step``."""
        with optim_wrapper.optim_context(model):
            data = model.data_preprocessor(data, True)
            losses = model(**data, mode="loss")
        total, log_vars = model.parse_losses(losses)
        optim_wrapper.update_params(total)
        return log_vars
