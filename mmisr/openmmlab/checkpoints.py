"""Read weights safely and load them with one clear error when they do not fit."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

SHOWN = 3
"""How many mismatching keys an error lists."""

WRAPPERS = ("state_dict", "params_ema", "params", "model")
"""Keys under which trainers put the weights, in the order they are looked for."""


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
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint {path} does not exist; check the path, or make it as its config's header says"
        )
    content = _read(path, trusted)
    meta = content.get("meta") if isinstance(content, dict) else None
    return _weights(content, path), meta if isinstance(meta, dict) else {}


def _read(path: Path, trusted: bool) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(str(path))
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        pass  # mmengine's training state lies beside the weights; below it is read as inert objects
    except Exception as error:  # whatever a damaged file makes torch raise
        raise _unreadable(path, error) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=pickle if trusted else _INERT)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"checkpoint {path} is not a plain file of weights: {error}; if you made it yourself, load it with "
            "load_state(path, trusted=True) and save its state_dict alone"
        ) from error
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ValueError:
    text = (str(error) or type(error).__name__).splitlines()[0]
    return ValueError(
        f"checkpoint {path} cannot be read: {text}; the file is truncated or no PyTorch checkpoint, get it again"
    )


class _Inert:
    """Stands for an object of mmengine's that has nothing to do with weights; calling or setting it does nothing."""

    def __init__(self, *args: Any) -> None:
        pass

    def __call__(self, *args: Any) -> _Inert:
        return self

    def __setstate__(self, state: Any) -> None:
        pass


class _InertUnpickler(pickle.Unpickler):
    """Rebuilds tensors and plain containers, makes mmengine's training state inert, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """Resolve a global of the pickle, or refuse it by name."""
        module = {"__builtin__": "builtins"}.get(module, module)  # protocol 2 writes the old name
        if module.partition(".")[0] == "mmengine" or (module, name) == ("builtins", "getattr"):
            return _Inert
        if (module, name) in _PLAIN or module.partition(".")[0] == "numpy" and name in _NUMPY:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it would run `{module}.{name}`")


_NUMPY = ("ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer")
_PLAIN = {
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    ("collections", "deque"),
    ("builtins", "dict"),
    ("builtins", "list"),
    ("builtins", "set"),
    ("_codecs", "encode"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch", "Size"),
    ("torch", "device"),
    *(
        ("torch", f"{kind}Storage")
        for kind in ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Short", "Byte", "Bool")
    ),
}


def _inert_load(file: Any, **options: Any) -> Any:
    """``pickle.load`` with our rules: torch reads the head of files in its old format with it."""
    return _InertUnpickler(file, **options).load()


_INERT = ModuleType("inert_pickle")
_INERT.Unpickler = _InertUnpickler  # type: ignore[attr-defined]
_INERT.load = _inert_load  # type: ignore[attr-defined]


def _weights(content: Any, path: Path) -> dict[str, Tensor]:
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
    own = module.state_dict()
    for prefix in prefixes:
        inner = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if inner and set(own) & set(inner):
            state = inner
            break
    optional = {k for k in own if k.endswith("num_batches_tracked")} | {
        k for k in own if k.startswith("data_preprocessor")
    }
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


def _some(what: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {what}: {', '.join(names[:SHOWN])}{rest}. "
