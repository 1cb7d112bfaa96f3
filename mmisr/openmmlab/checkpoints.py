"""Read weights safely and load them with one clear error when they do not fit."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmisr.openmmlab.unpickling import STATE, WEIGHTS

SHOWN = 3
"""How many mismatching keys an error lists."""

WRAPPERS = ("state_dict", "params_ema", "params", "model")
"""Keys under which trainers put the weights, in the order they are looked for."""

SAVE_WEIGHTS_ALONE = (
    "if you made it yourself, load it with load_state(path, trusted=True) of mmisr.openmmlab.checkpoints and save its "
    "weights alone"
)

TRAINING_ONLY = "strategy."
"""What the weights of a pair's training strategy are called: nothing that predicts needs them."""

SAVED = re.compile(r"(.*(?:epoch|iter)_)(\d+)\.pth")
"""How a run names its checkpoints."""


class UnreadableCheckpoint(ValueError):
    """A checkpoint is empty, truncated or damaged; the text names it, and the one before it where there is one."""


def load_state(path: str | Path, trusted: bool = False) -> dict[str, Tensor]:
    """Read the weights of a checkpoint.

    Args:
        path: A file written by ``torch.save`` (mmengine's included) or in safetensors format.
        trusted: Whether to unpickle arbitrary objects, which can run code; only for files you made yourself.

    Returns:
        Weights by name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no checkpoint, is damaged, or needs ``trusted``.
    """
    return load_checkpoint(path, trusted)[0]


def load_checkpoint(path: str | Path, trusted: bool = False) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the weights of a checkpoint and what it says about itself.

    Args:
        path: As in :func:`load_state`.
        trusted: As in :func:`load_state`.

    Returns:
        Weights by name, and mmengine's ``meta`` (``dataset_meta`` among it; empty where there is none).

    Raises:
        FileNotFoundError: As :func:`load_state`.
        ValueError: As :func:`load_state`.
    """
    path = _existing(path)
    content = _read(path, trusted)
    meta = content.get("meta") if isinstance(content, dict) else None
    return weights_of(content, path), meta if isinstance(meta, dict) else {}


def load_training(path: str | Path, map_location: Any = "cpu") -> Any:
    """Read all of a checkpoint: weights, optimisers, schedulers, mmengine's log buffers.

    Args:
        path: A file written by ``torch.save`` (mmengine's included) or in safetensors format.
        map_location: As in ``torch.load``.

    Returns:
        What the file holds.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or would run code.
    """
    path = _existing(path)
    if path.suffix == ".safetensors":
        return {"state_dict": _read(path, trusted=False)}
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError:
        pass  # mmengine's log buffers lie beside the weights
    except Exception as error:  # whatever a damaged file makes torch raise
        raise _unreadable(path, error) from error
    try:
        return torch.load(path, map_location=map_location, weights_only=False, pickle_module=STATE)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"checkpoint {path} holds more than weights and a training state: {error}; {SAVE_WEIGHTS_ALONE}"
        ) from error
    except Exception as error:
        raise _unreadable(path, error) from error


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint {path} does not exist; check the path, or make it as its config's header says"
        )
    return path


def _read(path: Path, trusted: bool) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        try:
            return load_file(str(path))
        except Exception as error:  # a format of its own, with errors of its own
            raise _unreadable(path, error) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        pass  # mmengine's training state lies beside the weights; below it is read as inert objects
    except Exception as error:  # whatever a damaged file makes torch raise
        raise _unreadable(path, error) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=pickle if trusted else WEIGHTS)
    except pickle.UnpicklingError as error:
        raise ValueError(f"checkpoint {path} is not a plain file of weights: {error}; {SAVE_WEIGHTS_ALONE}") from error
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UnreadableCheckpoint:
    text = (str(error) or type(error).__name__).splitlines()[0]
    before = one_before(path)
    return UnreadableCheckpoint(
        f"checkpoint {path} cannot be read: {text}; the file is truncated or no PyTorch checkpoint, get it again"
        + (f", or take the one before it, {before}" if before else "")
    )


def one_before(path: str | Path) -> Path | None:
    """The checkpoint that a run saved before another, None where there is none.

    Args:
        path: A checkpoint by mmengine's names, ``epoch_3.pth`` or ``iter_300.pth``, whatever stands before.
    """
    path = Path(path)
    name = SAVED.fullmatch(path.name)
    if name is None or not path.parent.is_dir():
        return None
    found = {int(m[2]): file for file in path.parent.iterdir() if (m := SAVED.fullmatch(file.name)) and m[1] == name[1]}
    earlier = [step for step in found if step < int(name[2])]
    return found[max(earlier)] if earlier else None


def newest(folder: str | Path) -> Path | None:
    """The checkpoint of a run that was written last, None where there is none.

    Args:
        folder: Of the run.
    """
    found = [
        file for file in Path(folder).glob("*.pth") if (m := SAVED.fullmatch(file.name)) and m[1] in ("epoch_", "iter_")
    ]
    return max(found, key=lambda file: (file.stat().st_mtime_ns, len(file.name), file.name), default=None)


def weights_of(content: Any, path: str | Path) -> dict[str, Tensor]:
    """The weights in what a checkpoint holds.

    Args:
        content: As :func:`load_training` returns it.
        path: The file, for the message.

    Returns:
        Weights by name.

    Raises:
        ValueError: There are none.
    """
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not any(isinstance(v, Tensor) for v in content.values()):
        raise ValueError(
            f"checkpoint {path} holds no weights: expected a dict of tensors, found {type(content).__name__}"
        )
    return {k.removeprefix("module."): v for k, v in content.items() if isinstance(v, Tensor)}


def load_into(module: nn.Module, state: dict[str, Tensor], source: str | Path, prefixes: tuple[str, ...] = ()) -> None:
    """Load weights into a module; every name and shape must fit.

    Args:
        module: Where to.
        state: Weights by name, as :func:`load_state` returns them.
        source: The file, for the message.
        prefixes: Prefixes to strip where all of the module's own names are found behind one (``editor.``, say).

    Raises:
        ValueError: Names are missing or left over, or a shape differs; the message lists the first of each.
    """
    own, state = module.state_dict(), dict(state)
    for prefix in prefixes:
        inner = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if inner and set(own) & set(inner):
            state = inner
            break
    drop_other_training(state, own)
    not_needed = ("data_preprocessor", TRAINING_ONLY)
    optional = {k for k in own if k.endswith("num_batches_tracked") or k.startswith(not_needed)}
    missing = [k for k in own if k not in state and k not in optional]
    extra = [k for k in state if k not in own]
    shapes = [
        f"{k}: {tuple(state[k].shape)} in the file, {tuple(v.shape)} in the model"
        for k, v in own.items()
        if k in state and state[k].shape != v.shape
    ]
    if missing or extra or shapes:
        raise ValueError(
            f"checkpoint {source} does not fit {type(module).__name__}: another architecture, size or scale. "
            f"{_some('missing', missing)}{_some('unknown', extra)}{_some('of another shape', shapes)}"
            "Use the config that the checkpoint was trained with."
        )
    module.load_state_dict(state, strict=False)


def drop_other_training(
    state: dict[str, Tensor], own: dict[str, Tensor], prefix: str = TRAINING_ONLY, skip: int = 0
) -> None:
    """Take the weights of a training strategy out of a state, unless they are all that the model's own strategy has.

    Args:
        state: Weights by name; changed in place.
        own: Those of the model.
        prefix: Of the strategy's weights in ``state``.
        skip: Characters of that prefix that the model's own names do not have.
    """
    theirs = {name: state[name].shape for name in state if name.startswith(prefix)}
    ours = {name: value.shape for name, value in own.items() if name.startswith(prefix[skip:])}
    if {name[skip:]: shape for name, shape in theirs.items()} != ours:
        for name in theirs:
            del state[name]


def _some(what: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {what}: {', '.join(names[:SHOWN])}{rest}. "
