"""Read weights safely and load them with one clear error when they do not fit."""

from __future__ import annotations

import pickle
from pathlib import Path
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
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist; check the path, or make it as its config's header says")
    return _weights(_read(path, trusted), path)


def _read(path: Path, trusted: bool) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(str(path))
    try:
        with torch.serialization.safe_globals(_mmengine_globals()):
            return torch.load(path, map_location="cpu", weights_only=not trusted)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"checkpoint {path} is not a plain file of weights: it would run code or is damaged "
            f"({str(error).splitlines()[0]}); if you made it yourself, load it with load_state(path, trusted=True) and "
            "save its state_dict alone"
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        raise ValueError(
            f"checkpoint {path} cannot be read: {str(error).splitlines()[0]}; the file is truncated or no "
            "PyTorch checkpoint, get it again"
        ) from error


def _mmengine_globals() -> list[Any]:
    """The harmless classes that mmengine puts into its own checkpoints (the message hub's history)."""
    import numpy as np
    from mmengine.logging.history_buffer import HistoryBuffer

    dtypes = [type(np.dtype(t)) for t in (np.float64, np.float32, np.int64, np.int32, np.bool_)]
    multiarray = np._core.multiarray if hasattr(np, "_core") else np.core.multiarray  # type: ignore[attr-defined]
    return [HistoryBuffer, np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar, *dtypes]


def _weights(content: Any, path: Path) -> dict[str, Tensor]:
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not any(isinstance(v, Tensor) for v in content.values()):
        raise ValueError(f"checkpoint {path} holds no weights: expected a dict of tensors, found {type(content).__name__}")
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
    optional = {k for k in own if k.endswith("num_batches_tracked")} | {k for k in own if k.startswith("data_preprocessor")}
    missing = [k for k in own if k not in state and k not in optional]
    extra = [k for k in state if k not in own]
    shapes = [f"{k}: {tuple(state[k].shape)} in the file, {tuple(v.shape)} in the model" for k, v in own.items()
              if k in state and state[k].shape != v.shape]
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
