"""Load weights into modules, with one clear error where they do not fit."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

SHOWN = 3
"""How many weights a message lists."""

TRAINING_ONLY = "strategy."
"""Prefix of the weights of a pair's training strategy: nothing that predicts needs them."""

NOT_NEEDED = ("data_preprocessor", TRAINING_ONLY)
"""Prefixes of the weights that a file may leave out."""

State = Mapping[str, Tensor]
"""Weights by name."""


def load_into(
    module: nn.Module, state: State, source: str | Path, prefixes: tuple[str, ...] = ()
) -> None:
    """Load weights into a module; every name and shape must fit.

    Args:
        module: The module that gets the weights.
        state: Weights by name, as :func:`mmisr.openmmlab.checkpoints.load_state` returns them.
        source: The file, for the message.
        prefixes: Prefixes to strip where all of the module's own names are found behind one
            (``editor.``, say).

    Raises:
        ValueError: Names are missing or left over, a shape differs, or values are no numbers; the
            message lists the first of each.
    """
    model = module.state_dict()
    weights = _stripped(state, model, prefixes)
    drop_other_training(weights, model)
    misfits = _misfits(weights, model)
    if misfits:
        raise ValueError(
            f"checkpoint {source} does not fit {type(module).__name__}: another architecture, size "
            f"or scale. {misfits}Use the config that the checkpoint was trained with."
        )
    check_values(model, weights, f"checkpoint {source}")
    module.load_state_dict(weights, strict=False)


def _stripped(state: State, model: State, prefixes: tuple[str, ...]) -> dict[str, Tensor]:
    """The weights behind the first prefix behind which the model has some; all without one."""
    for prefix in prefixes:
        inner = {
            name.removeprefix(prefix): value
            for name, value in state.items()
            if name.startswith(prefix)
        }
        if inner.keys() & model.keys():
            return inner
    return dict(state)


def _misfits(weights: State, model: State) -> str:
    """The sentences about names and shapes that differ; empty where all fit."""
    missing = []
    shapes = []
    for name, value in model.items():
        if name in weights:
            if weights[name].shape != value.shape:
                in_file, in_model = tuple(weights[name].shape), tuple(value.shape)
                shapes.append(f"{name}: {in_file} in the file, {in_model} in the model")
        elif not _optional(name):
            missing.append(name)
    unknown = [name for name in weights if name not in model]
    return (
        _listed("missing", missing)
        + _listed("unknown", unknown)
        + _listed("of another shape", shapes)
    )


def _optional(name: str) -> bool:
    # Batch norms of old PyTorch have no counter of batches.
    return name.endswith("num_batches_tracked") or name.startswith(NOT_NEEDED)


def drop_other_training(
    state: dict[str, Tensor], model: State, prefix: str = TRAINING_ONLY, skip: int = 0
) -> None:
    """Take the weights of a training strategy out of a state.

    They stay where they are exactly what the model's own strategy has, by name and shape.

    Args:
        state: Weights by name; changed in place.
        model: Those of the model.
        prefix: Prefix of the strategy's weights in ``state``.
        skip: Characters of that prefix that the model's own names do not have.
    """
    in_state = [name for name in state if name.startswith(prefix)]
    theirs = {name[skip:]: state[name].shape for name in in_state}
    ours = {name: value.shape for name, value in model.items() if name.startswith(prefix[skip:])}
    if theirs == ours:
        return
    for name in in_state:
        del state[name]


def check_fit(module: nn.Module, state: State, source: str, way_out: str) -> None:
    """See that weights which are loaded as far as they fit do fit.

    The rule of every door that starts a training from a file: mmengine loads what fits by name, and
    says little of the rest.

    Args:
        module: The module that they are loaded into.
        state: The weights by name.
        source: What messages call the door and the file.
        way_out: What to do where nothing fits.

    Raises:
        ValueError: Nothing fits, or what fits cannot be computed with; what fits in part is a
            warning.
    """
    model = module.state_dict()
    fitting = _fitting(model, state)
    if model and not fitting:
        raise ValueError(
            f"{source} has nothing for {type(module).__name__}: none of its {len(state)} weights "
            f"({_first(state)}, ...) has a name and shape of the model's ({_first(model)}, ...); "
            f"{way_out}"
        )
    check_values(model, state, source)
    rest = [name for name in model if name not in fitting]
    if rest:
        more = ", ..." if len(rest) > SHOWN else ""
        print_log(
            f"{source} fits in part: {len(fitting)} of {len(model)} weights are loaded, "
            f"{len(rest)} start as initialised ({', '.join(rest[:SHOWN])}{more})",
            logger="current",
            level=logging.WARNING,
        )


def check_values(model: State, state: State, source: str) -> None:
    """See that weights which fit by name and shape can be computed with.

    Args:
        model: Weights of the model by name.
        state: Those of the file.
        source: What messages call the file.

    Raises:
        ValueError: Some are no plain floating-point numbers where the model's are, or not a number.
    """
    fitting = _fitting(model, state)
    other_kinds = []
    for name, value in fitting.items():
        if _is_odd(model[name], value):
            in_file, in_model = _kind(value), _kind(model[name])
            other_kinds.append(f"{name}: {in_file} in the file, {in_model} in the model")
    if other_kinds:
        raise ValueError(
            f"{source} has weights that this model cannot take. "
            f"{_listed('of another kind', other_kinds)}"
            "Save them again as plain floating-point tensors."
        )
    broken = []
    for name, value in fitting.items():
        # A mask may be infinite in both.
        if not _finite(value) and _finite(model[name]):
            broken.append(name)
    if broken:
        raise ValueError(
            f"{source} has weights that are not numbers. {_listed('with NaN or infinity', broken)}"
            "The training that wrote it had diverged: take an earlier checkpoint, and train with a "
            "lower learning rate."
        )


def _fitting(model: State, state: State) -> dict[str, Tensor]:
    """The weights of ``state`` that have a name and shape of the model's, in the model's order."""
    fitting = {}
    for name, value in model.items():
        if name in state and state[name].shape == value.shape:
            fitting[name] = state[name]
    return fitting


def _finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


def _is_odd(in_model: Tensor, in_file: Tensor) -> bool:
    """Whether values cannot be copied, or would be rounded numbers in the place of real ones."""
    if in_file.is_meta or in_file.layout != torch.strided:
        return True
    return in_model.is_floating_point() and not in_file.is_floating_point()


def _kind(tensor: Tensor) -> str:
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_meta:
        return f"{kind} without values"
    return kind if tensor.layout == torch.strided else f"sparse {kind}"


def _first(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:2])


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {what}: {', '.join(names[:SHOWN])}{rest}. "
