"""How the pair is taught.

A strategy is a list of phases, and may own networks that only training needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from mmengine.logging import MessageHub
from mmengine.model.utils import detect_anomalous_params
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmisr.losses.functional import Losses
from mmisr.openmmlab.distributed import PhaseOptimizers, check_one_optimizer
from mmisr.ops.held_out import HoldsOut
from mmisr.pipeline.training_batch import TrainingBatch

if TYPE_CHECKING:
    from mmisr.pipeline.sr_detector import SRDetector

PARTS = ("editor", "detector", "strategy")
"""What can learn: the two parts of the pair, and the networks of the strategy itself."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Args:
        iteration: Iterations done.
        total: Iterations of the whole run; 0 where nobody knows.
    """

    iteration: int = 0
    total: int = 0

    @property
    def share(self) -> float:
        """The share of the run that is done, from 0 to 1; 0 where its length is not known."""
        return min(1.0, self.iteration / self.total) if self.total else 0.0

    @classmethod
    def of_run(cls) -> Progress:
        """What mmengine's runner says; a resumed run goes on where it was."""
        hub = MessageHub.get_current_instance()
        return cls(hub.get_info("iter", 0), hub.get_info("max_iters", 0))


def ramp(share: float, end: float) -> float:
    """A weight that grows linearly from 0 at the start of a run to 1.

    Args:
        share: The share of the run that is done.
        end: The share at which 1 is reached; 0 for a weight that is 1 from the start.

    Example:
        >>> [ramp(share, 0.5) for share in (0.0, 0.25, 0.5, 1.0)]
        [0.0, 0.5, 1.0, 1.0]
    """
    return 1.0 if end <= 0 else min(1.0, share / end)


@dataclass(frozen=True)
class Phase:
    """One optimiser step of an iteration.

    Args:
        name: What its losses are logged under, where a strategy has several phases.
        learns: The parts that learn, of ``PARTS``. Every other part rests: its weights and its
            batch-norm statistics stay as they are, and gradients pass through it all the same.
        losses: The losses of one batch.
        every: The phase runs in every so many iterations, the first of the run among them.
        until: Share of the run, from 0 to 1, after which it runs no more.

    Raises:
        ValueError: ``learns`` is empty or names something else, or ``every`` or ``until`` is out
            of range.
    """

    name: str
    learns: tuple[str, ...]
    losses: Callable[[TrainingBatch], Losses]
    every: int = 1
    until: float = 1.0

    def __post_init__(self) -> None:
        if self.every < 1 or not 0 < self.until <= 1:
            raise ValueError(
                f"phase {self.name!r} needs every >= 1 and until above 0 and at most 1, got "
                f"every={self.every}, until={self.until}"
            )
        if not self.learns or not set(self.learns) <= set(PARTS):
            raise ValueError(
                f"phase {self.name!r} must teach some of {', '.join(PARTS)}, got "
                f"learns={self.learns}"
            )


class Strategy(HoldsOut, ABC):
    """How the pair is taught; training regimes differ by config, never by subclass of the pair.

    A subclass declares its phases, which run one after another in every iteration, in one process
    and in several. Networks that it assigns to itself are trained (with ``'strategy'`` in a phase's
    ``learns``) and saved with a run, and left out of published checkpoints; a pair with another
    strategy loads such a checkpoint without them. One that only teaches is held out
    (``hold_out``).
    """

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"strategy {type(self).__name__}"

    progress = Progress()
    """Where the run stands, for weights that change in its course; set before every iteration."""

    @property
    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The phases of an iteration, in order; at least one."""

    def attach(self, pair: SRDetector) -> None:
        """See the pair once, when it is built.

        Here a strategy builds its own networks where they depend on the detector, and refuses a
        pair that it cannot teach. A pair that is only tested is seen too: nothing here may need
        what training alone has.

        Args:
            pair: Its parts are built and have the weights that the config names.
        """

    def start(self, pair: SRDetector) -> None:
        """Get ready to teach, once, before training begins: here a teacher is read from its file.

        Args:
            pair: Its parts have the weights that they start from.
        """


def rest_for_good(model: SRDetector) -> list[nn.Module]:
    """The parts that learn in no phase of the pair's strategy."""
    taught = {name for phase in model.strategy.phases for name in phase.learns}
    return [part for name, part in model.parts().items() if name not in taught]


@contextmanager
def in_phase(model: SRDetector, phase: Phase) -> Iterator[None]:
    """Within, the parts of a phase learn and all others rest; after it everything is as it was.

    Args:
        model: The pair.
        phase: A phase of its strategy.
    """
    resting = [part for name, part in model.parts().items() if name not in phase.learns]
    frozen: list[nn.Parameter] = []
    modes: list[tuple[nn.Module, bool]] = []
    for part in resting:
        frozen += [weight for weight in part.parameters() if weight.requires_grad]
        modes += [(module, module.training) for module in part.modules()]
    modes.append((model.detector, model.detector.training))
    for part in resting:
        part.eval()
    # A detector that computes losses does so as in training (DINO makes its queries so); its
    # layers, batch norm and dropout among them, are in evaluation all the same.
    model.detector.training = True
    for weight in frozen:
        weight.requires_grad_(False)
    model.phase = phase
    try:
        yield
    finally:
        model.phase = None
        for weight in frozen:
            weight.requires_grad_(True)
        for module, training in modes:
            module.training = training


def train_phases(
    model: SRDetector, data: dict, optim_wrapper: OptimWrapper, forward: Any
) -> dict[str, Tensor]:
    """One iteration of the pair: each phase has its own forward and backward pass and its own step.

    Where gradients are accumulated, a later phase sees the parts of an earlier one as they are:
    they move only once their accumulation is full. With one phase, accumulation over two batches
    equals the double batch.

    Args:
        model: The pair.
        data: One batch, as the data loader gives it.
        optim_wrapper: One optimiser for all parts, or one per part.
        forward: What a phase is run through: the pair, or the wrapper that averages its gradients
            over processes.

    Returns:
        What to log: the losses, under the name of their phase where there are several, and
        ``loss``, their sum.

    Raises:
        ValueError: One optimiser would accumulate the gradients of several phases.
    """
    phases = model.strategy.phases
    check_one_optimizer(optim_wrapper, [phase.learns for phase in phases])
    progress = model.strategy.progress = Progress.of_run()
    batch = model.data_preprocessor(data, True)
    logs: dict[str, Tensor] = {}
    ran = []
    for phase in phases:
        if progress.iteration % phase.every or progress.share >= phase.until:
            continue
        optimizers = PhaseOptimizers(optim_wrapper, phase.learns)
        with in_phase(model, phase):
            with optimizers.context(forward):
                losses = forward(**batch, mode="loss")
            total, values = model.parse_losses(losses)
            check_finite(values, phase.name, progress.iteration)
            optimizers.update(total)
            if getattr(forward, "detect_anomalous_params", False):  # the wrapper's own option
                detect_anomalous_params(total, model=forward)
        prefix = f"{phase.name}/" if len(phases) > 1 else ""
        for name, value in values.items():
            logs[f"{prefix}{name}"] = value.detach()
        ran.append(phase.name)
    if len(phases) > 1:
        totals = [logs[f"{name}/loss"] for name in ran]
        logs["loss"] = torch.stack(totals).sum()
    return logs


def check_finite(values: Mapping[str, Tensor], phase: str, iteration: int) -> None:
    """See that losses are numbers, before any weight moves by them.

    Args:
        values: What a phase logs, its sum as ``loss`` among it.
        phase: Its name.
        iteration: Of the run, from 0.

    Raises:
        FloatingPointError: The sum is no number; the message names the terms.
    """
    if torch.isfinite(values["loss"]):
        return
    wrong = []
    for name, value in values.items():
        is_term = "loss" in name and name != "loss"
        if is_term and not torch.isfinite(value):
            wrong.append(f"{name}={float(value)}")
    raise FloatingPointError(
        f"iteration {iteration}, phase {phase!r}: the loss is no number ({', '.join(wrong)}); no "
        "weight moved by it, and the last checkpoint is whole. Lower the learning rate or the "
        "weight of that term, clip gradients (optim_wrapper.clip_grad), and resume with --resume"
    )
