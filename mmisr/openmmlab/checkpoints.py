"""Read weights safely and load them with one clear error when they do not fit."""

from __future__ import annotations

import logging
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmisr.openmmlab.unpickling import STATE, WEIGHTS
from mmisr.structures.checks import fits, shown

SHOWN = 3
"""How many mismatching keys an error lists."""

WRAPPERS = ("state_dict", "params_ema", "params-ema", "params", "model_state_dict", "model", "net")
"""Keys under which trainers put the weights, in the order they are looked for."""

NAMES = str | list[str] | None
COLOURS = str | list[list[int]] | None
"""What ``dataset_meta`` may hold as classes and palette."""

SAVE_WEIGHTS_ALONE = (
    "if you made it yourself, load it with load_state(path, trusted=True) of "
    "mmisr.openmmlab.checkpoints and save its "
    "weights alone"
)

TRAINING_ONLY = "strategy."
"""What the weights of a pair's training strategy are called: nothing that predicts needs them."""

SAVED = re.compile(r"(.*(?:epoch|iter)_)(\d+)\.pth")
"""How a run names its checkpoints."""


class UnreadableCheckpoint(ValueError):
    """A checkpoint is empty, truncated or damaged.

    The text names it, and the one before it where there is one.
    """


def load_state(path: str | Path, trusted: bool = False) -> dict[str, Tensor]:
    """Read the weights of a checkpoint.

    Args:
        path: A file written by ``torch.save`` (mmengine's included) or in safetensors format.
        trusted: Whether to unpickle arbitrary objects, which can run code; only for files you made
            yourself.

    Returns:
        Weights by name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no checkpoint, is damaged, or needs ``trusted``.
    """
    return load_checkpoint(path, trusted)[0]


def load_checkpoint(
    path: str | Path, trusted: bool = False
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the weights of a checkpoint and what it says about itself.

    Args:
        path: As in :func:`load_state`.
        trusted: As in :func:`load_state`.

    Returns:
        Weights by name, and mmengine's ``meta`` (``dataset_meta`` among it; empty where there is
        none).

    Raises:
        FileNotFoundError: As :func:`load_state`.
        ValueError: As :func:`load_state`.
    """
    path = _existing(path)
    content = _read(path, trusted)
    return weights_of(content, path), _meta_of(content, path)


def _meta_of(content: Any, path: Path) -> dict[str, Any]:
    """What a checkpoint says about itself.

    Classes and colours are used, and so must be what they claim to be.
    """
    meta = content.get("meta") if isinstance(content, dict) else None
    if not isinstance(meta, dict) or meta.get("dataset_meta") is None:
        return meta if isinstance(meta, dict) else {}
    found = meta["dataset_meta"]
    known = (
        {str(key).lower(): value for key, value in found.items()} if isinstance(found, dict) else {}
    )
    named, coloured = fits(known.get("classes"), NAMES), fits(known.get("palette"), COLOURS)
    if (
        not isinstance(found, dict)
        or not all(isinstance(key, str) for key in found)
        or not named
        or not coloured
    ):
        raise ValueError(
            f"checkpoint {path}: meta.dataset_meta must be a dict with the names of the classes in "
            f"`classes` and a colour each "
            f"in `palette`, found {shown(found)}; save its weights alone, and name the classes in "
            f"the config"
        )
    return meta


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
            f"checkpoint {path} holds more than weights and a training state: {error}; "
            f"{SAVE_WEIGHTS_ALONE}"
        ) from error
    except Exception as error:
        raise _unreadable(path, error) from error


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint {path} does not exist; check the path, or make it as its config's header "
            f"says"
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
        return torch.load(
            path,
            map_location="cpu",
            weights_only=False,
            pickle_module=pickle if trusted else WEIGHTS,
        )
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"checkpoint {path} is not a plain file of weights: {error}; {SAVE_WEIGHTS_ALONE}"
        ) from error
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UnreadableCheckpoint:
    text = (str(error) or type(error).__name__).splitlines()[0]
    before = one_before(path)
    return UnreadableCheckpoint(
        f"checkpoint {path} cannot be read: {text}; the file is truncated or no PyTorch "
        f"checkpoint, get it again" + (f", or take the one before it, {before}" if before else "")
    )


def one_before(path: str | Path) -> Path | None:
    """The checkpoint that a run saved before another, None where there is none.

    Args:
        path: A checkpoint by mmengine's names, ``epoch_3.pth`` or ``iter_300.pth``, whatever stands
            before.
    """
    path = Path(path)
    name = SAVED.fullmatch(path.name)
    if name is None or not path.parent.is_dir():
        return None
    found = {
        int(m[2]): file
        for file in path.parent.iterdir()
        if (m := SAVED.fullmatch(file.name)) and m[1] == name[1]
    }
    earlier = [step for step in found if step < int(name[2])]
    return found[max(earlier)] if earlier else None


def newest(folder: str | Path) -> Path | None:
    """The checkpoint of a run that was written last, None where there is none.

    Args:
        folder: Of the run.
    """
    found = [
        file
        for file in Path(folder).glob("*.pth")
        if (m := SAVED.fullmatch(file.name)) and m[1] in ("epoch_", "iter_")
    ]
    return max(
        found, key=lambda file: (file.stat().st_mtime_ns, len(file.name), file.name), default=None
    )


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
    key = wrapper_of(content)
    content = content if key is None else content[key]
    named = content.items() if isinstance(content, dict) else ()
    weights = {
        k.removeprefix("module."): v
        for k, v in named
        if isinstance(v, Tensor) and isinstance(k, str)
    }
    if not weights:
        raise ValueError(
            f"checkpoint {path} holds no weights: expected a dict of tensors, found "
            f"{_found(content)}"
        )
    return weights


def wrapper_of(content: Any) -> str | None:
    """The key under which a trainer put the weights; None where they lie bare, or nowhere."""
    inner = {key: content.get(key) for key in WRAPPERS} if isinstance(content, dict) else {}
    found = [
        k
        for k, v in inner.items()
        if isinstance(v, dict) and any(isinstance(w, Tensor) for w in v.values())
    ]
    return found[0] if found else None


def _found(content: Any) -> str:
    """What a file without weights holds.

    Those of other trainers may lie under a name of their own.
    """
    if not isinstance(content, dict):
        return type(content).__name__
    keys = f"a dict with the keys {', '.join(map(str, list(content)[:SHOWN])) or 'none'}"
    for key, value in content.items():
        count = sum(isinstance(v, Tensor) for v in value.values()) if isinstance(value, dict) else 0
        if count:
            return (
                f"{keys}; {key!r} holds {count} tensors: save that dict alone, "
                f"torch.save(content[{key!r}], ...)"
            )
    return keys


def check_values(own: Mapping[str, Tensor], state: Mapping[str, Tensor], source: str) -> None:
    """See that weights which fit by name and shape can be computed with.

    Args:
        own: Weights of the model by name.
        state: Those of the file.
        source: What messages call the file.

    Raises:
        ValueError: Some are no plain floating-point numbers where the model's are, or not a number.
    """
    shared = {k: state[k] for k, v in own.items() if k in state and state[k].shape == v.shape}
    odd = [
        f"{k}: {_kind(v)} in the file, {_kind(own[k])} in the model"
        for k, v in shared.items()
        if _is_odd(own[k], v)
    ]
    if odd:
        raise ValueError(
            f"{source} has weights that this model cannot take. {_some('of another kind', odd)}"
            "Save them again as plain floating-point tensors."
        )
    broken = [
        k for k, v in shared.items() if not _finite(v) and _finite(own[k])
    ]  # a mask may be infinite in both
    if broken:
        raise ValueError(
            f"{source} has weights that are not numbers. {_some('with NaN or infinity', broken)}"
            "The training that wrote it had diverged: take an earlier checkpoint, and train with a "
            "lower learning rate."
        )


def _finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


def _is_odd(own: Tensor, found: Tensor) -> bool:
    return (
        found.is_meta
        or found.layout != torch.strided
        or (own.is_floating_point() and not found.is_floating_point())
    )


def _kind(tensor: Tensor) -> str:
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_meta:
        return f"{kind} without values"
    return kind if tensor.layout == torch.strided else f"sparse {kind}"


def check_fit(module: nn.Module, state: Mapping[str, Tensor], source: str, way_out: str) -> None:
    """See that weights which are loaded as far as they fit do fit.

    The rule of every door that starts a training from a file.

    mmengine loads what fits by name, and says little of the rest.

    Args:
        module: Where they are loaded to.
        state: The weights by name.
        source: What messages call the door and the file.
        way_out: What to do where nothing fits.

    Raises:
        ValueError: Nothing fits, or what fits cannot be computed with; what fits in part is a
            warning.
    """
    own = module.state_dict()
    fitting = [
        name for name, value in own.items() if name in state and state[name].shape == value.shape
    ]
    if own and not fitting:
        raise ValueError(
            f"{source} has nothing for {type(module).__name__}: none of its {len(state)} weights "
            f"({', '.join(list(state)[:2])}, ...) has a name and shape of the model's "
            f"({', '.join(list(own)[:2])}, ...); "
            f"{way_out}"
        )
    check_values(own, state, source)
    if len(fitting) < len(own):
        rest = [name for name in own if name not in set(fitting)]
        print_log(
            f"{source} fits in part: {len(fitting)} of {len(own)} weights are loaded, {len(rest)} "
            f"start as "
            f"initialised ({', '.join(rest[:SHOWN])}{', ...' if len(rest) > SHOWN else ''})",
            logger="current",
            level=logging.WARNING,
        )


def load_into(
    module: nn.Module, state: dict[str, Tensor], source: str | Path, prefixes: tuple[str, ...] = ()
) -> None:
    """Load weights into a module; every name and shape must fit.

    Args:
        module: Where to.
        state: Weights by name, as :func:`load_state` returns them.
        source: The file, for the message.
        prefixes: Prefixes to strip where all of the module's own names are found behind one
            (``editor.``, say).

    Raises:
        ValueError: Names are missing or left over, a shape differs, or values are no numbers; the
            message lists the first of each.
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
            f"checkpoint {source} does not fit {type(module).__name__}: another architecture, size "
            f"or scale. "
            f"{_some('missing', missing)}{_some('unknown', extra)}{_some('of another shape', shapes)}"
            "Use the config that the checkpoint was trained with."
        )
    check_values(own, state, f"checkpoint {source}")
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
