"""A model that learns in phases.

Each phase under several processes, with mixed precision and an optimiser per part.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict, build_optim_wrapper
from torch import Tensor, nn

from mmisr.registry import MODEL_WRAPPERS, OPTIM_WRAPPER_CONSTRUCTORS

__all__ = [
    "PartOptimWrapperConstructor",
    "PartOptimWrappers",
    "PhaseOptimizers",
    "PhasedDistributedDataParallel",
    "PhasedModel",
]


class PhasedModel(ABC):
    """What the wrapper and the constructor below ask of a model."""

    @abstractmethod
    def parts(self) -> dict[str, nn.Module]:
        """The parts that an optimiser may have of its own, by name."""

    @abstractmethod
    def learning(self) -> list[tuple[str, ...]]:
        """The parts that learn in each phase of an iteration, in the order of the phases."""

    @abstractmethod
    def train_phases(
        self, data: dict, optim_wrapper: OptimWrapper, forward: Any
    ) -> dict[str, Tensor]:
        """One iteration: every phase in its order.

        Args:
            data: One batch, as the data loader gives it.
            optim_wrapper: One optimiser for all parts, or one per part.
            forward: What a phase is run through: the model itself, or the wrapper that reduces its
                gradients.

        Returns:
            What to log.
        """


@MODEL_WRAPPERS.register_module()
class PhasedDistributedDataParallel(MMDistributedDataParallel):
    """mmengine's wrapper for several processes, for a model that learns in phases.

    mmengine's own never calls the model's ``train_step``. Here every phase has its forward and
    backward pass through the wrapper, so that its gradients are averaged before its step. A model
    without phases is trained as by mmengine's.

    Args:
        module: The model.
        find_unused_parameters: As in torch. With several phases it is always on: a part that rests
            has no gradients.
        **options: As in :class:`mmengine.model.MMDistributedDataParallel`.
    """

    def __init__(
        self, module: nn.Module, find_unused_parameters: bool = False, **options: Any
    ) -> None:
        several = isinstance(module, PhasedModel) and len(module.learning()) > 1
        super().__init__(
            module=module, find_unused_parameters=find_unused_parameters or several, **options
        )

    def train_step(self, data: Any, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """One iteration.

        Args:
            data: One batch of this process.
            optim_wrapper: One optimiser for all parts, or one per part.

        Returns:
            What to log.
        """
        if isinstance(self.module, PhasedModel):
            return self.module.train_phases(data, optim_wrapper, self)
        return super().train_step(data, optim_wrapper)


class PartOptimWrappers(OptimWrapperDict):
    """Optimisers by the part that they train.

    Mmengine's, and the counts of gradient accumulation reach each of them.
    """

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        """Tell every optimiser where the run stands.

        A last, incomplete accumulation is then stepped too.

        Args:
            model: The model.
            cur_iter: Iterations done.
            max_iters: Iterations of the whole run.
        """
        for wrapper in self.optim_wrappers.values():
            wrapper.initialize_count_status(model, cur_iter, max_iters)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class PartOptimWrapperConstructor:
    """An optimiser per part of a pair.

    Each entry is an ``optim_wrapper`` as mmengine knows it, with its own type, clipping,
    accumulation and ``paramwise_cfg``, whose names are those inside the part. Mixed precision
    shares one loss scaler between the parts: parts that learn in one phase have one backward pass.

    Args:
        optim_wrapper_cfg: The entries: ``editor``, ``detector``, ``strategy``.
        paramwise_cfg: Must be None; it belongs into an entry.

    Raises:
        ValueError: ``paramwise_cfg`` is given, or an entry and the model's phases do not fit.

    Example:
        >>> optim_wrapper = dict(
        ...     constructor="mmisr.PartOptimWrapperConstructor",
        ...     editor=dict(optimizer=dict(type="AdamW", lr=1e-4)),
        ...     detector=dict(optimizer=dict(type="SGD", lr=2e-2), clip_grad=dict(max_norm=10)),
        ... )
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if paramwise_cfg is not None:
            raise ValueError(
                "optim_wrapper.paramwise_cfg would be for one optimiser; with one per part put it "
                "into the part's entry, "
                "optim_wrapper=dict(detector=dict(paramwise_cfg=...))"
            )
        self.entries = optim_wrapper_cfg

    def __call__(self, model: nn.Module) -> PartOptimWrappers:
        """Build them.

        Args:
            model: A :class:`PhasedModel`, or a wrapper of one.

        Returns:
            One optimiser for each entry.

        Raises:
            TypeError: The model has no phases.
            ValueError: An entry names no part or one that never learns; a part that learns has
                none; parts that learn together differ in accumulation or precision; a part learns
                twice an iteration and accumulates.
        """
        inner = model.module if is_model_wrapper(model) else model
        if not isinstance(inner, PhasedModel):
            raise TypeError(
                f"optim_wrapper.constructor=PartOptimWrapperConstructor is for a pair "
                f"(SRDetector), not for "
                f"{type(inner).__name__}; leave the constructor out and give one optimizer"
            )
        parts, learning = inner.parts(), inner.learning()
        _check_entries(set(self.entries), parts, learning)
        wrappers = {
            name: build_optim_wrapper(parts[name], entry) for name, entry in self.entries.items()
        }
        _check_phases(wrappers, learning)
        _share_scaler(wrappers)
        return PartOptimWrappers(**wrappers)


class PhaseOptimizers:
    """The optimisers of one phase, which step together after its one backward pass.

    Args:
        optim_wrapper: Optimiser of the run: one for all parts, or one per part.
        learns: The parts that learn in the phase.
    """

    def __init__(self, optim_wrapper: OptimWrapper, learns: Sequence[str]) -> None:
        self.wrappers = [optim_wrapper]
        if isinstance(optim_wrapper, OptimWrapperDict):
            # A part without weights of its own has no optimiser.
            self.wrappers = [optim_wrapper[name] for name in learns if name in optim_wrapper]

    @contextmanager
    def context(self, model: nn.Module) -> Iterator[None]:
        """Where the forward pass runs.

        Precision, and whether its gradients are averaged over the processes already.
        """
        with ExitStack() as stack:
            for wrapper in self.wrappers:
                stack.enter_context(wrapper.optim_context(model))
            yield

    def update(self, loss: Tensor) -> None:
        """Backward, and a step of every optimiser once its accumulation is full.

        Args:
            loss: A scalar.
        """
        first, *others = self.wrappers
        if not others:
            first.update_params(loss)
            return
        first.backward(first.scale_loss(loss))
        for wrapper in others:
            wrapper._inner_count += 1  # it was the backward pass of them all
        if first.should_update():
            self._step()
            for wrapper in self.wrappers:
                wrapper.zero_grad()

    def _step(self) -> None:
        first = self.wrappers[0]
        if not isinstance(first, AmpOptimWrapper):
            for wrapper in self.wrappers:
                wrapper.step()
            return
        # mmengine's wrapper changes the scale right after its own step, and the next one would
        # unscale by another.
        scaler = first.loss_scaler
        for wrapper in self.wrappers:
            if wrapper.clip_grad_kwargs:
                scaler.unscale_(wrapper.optimizer)
                wrapper._clip_grad()
            scaler.step(wrapper.optimizer)
        scaler.update(first._scale_update_param)


def check_one_optimizer(optim_wrapper: OptimWrapper, learning: Sequence[tuple[str, ...]]) -> None:
    """See that one optimiser for all parts can serve the phases.

    Args:
        optim_wrapper: Optimiser of the run, or optimisers by part.
        learning: The parts that learn in each phase.

    Raises:
        ValueError: It accumulates gradients over several phases.
    """
    if isinstance(optim_wrapper, OptimWrapperDict) or len(learning) == 1:
        return
    if optim_wrapper._accumulative_counts > 1:
        raise ValueError(
            f"optim_wrapper.accumulative_counts={optim_wrapper._accumulative_counts} with one "
            f"optimiser would mix the "
            f"gradients of {len(learning)} phases; give each part its own, "
            f"constructor='mmisr.PartOptimWrapperConstructor'"
        )


def _check_entries(
    entries: set[str], parts: Mapping[str, nn.Module], learning: Sequence[tuple[str, ...]]
) -> None:
    learns = {name for names in learning for name in names}
    unknown = sorted(entries - set(parts))
    if unknown:
        raise ValueError(
            f"optim_wrapper may have the entries {', '.join(parts)}, got {', '.join(unknown)} too"
        )
    idle = sorted(entries - learns)
    if idle:
        raise ValueError(
            f"optim_wrapper has an optimiser for {', '.join(idle)}, and no phase of the strategy "
            f"teaches it; "
            "leave the entry out, or take a strategy that does"
        )
    absent = sorted(
        n for n in learns - entries if any(p.requires_grad for p in parts[n].parameters())
    )
    if absent:
        raise ValueError(
            f"the strategy teaches {', '.join(sorted(learns))}, and optim_wrapper has no entry for "
            f"{', '.join(absent)}"
        )


def _check_phases(
    wrappers: Mapping[str, OptimWrapper], learning: Sequence[tuple[str, ...]]
) -> None:
    times: dict[str, int] = {}
    for names in learning:
        together = {name: wrappers[name] for name in names if name in wrappers}
        for name in together:
            times[name] = times.get(name, 0) + 1
        counts = {name: wrapper._accumulative_counts for name, wrapper in together.items()}
        kinds = {name: type(wrapper).__name__ for name, wrapper in together.items()}
        if len(set(counts.values())) > 1 or len(set(kinds.values())) > 1:
            raise ValueError(
                f"{', '.join(together)} learn in one phase, from one backward pass, and need the "
                f"same accumulative_counts "
                f"and the same type of optimiser wrapper, got {counts} and {kinds}"
            )
    for name, count in times.items():
        if count > 1 and wrappers[name]._accumulative_counts > 1:
            raise ValueError(
                f"optim_wrapper.{name}.accumulative_counts must be 1: {name} learns in {count} "
                f"phases of an iteration, and "
                "their gradients would be mixed"
            )


def _share_scaler(wrappers: Mapping[str, OptimWrapper]) -> None:
    scaled = [wrapper for wrapper in wrappers.values() if isinstance(wrapper, AmpOptimWrapper)]
    for wrapper in scaled[1:]:
        wrapper.loss_scaler = scaled[0].loss_scaler
