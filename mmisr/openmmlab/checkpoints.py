"""Read checkpoints safely: weights, what they say of themselves, and training states."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmisr.openmmlab.unpickling import STATE, WEIGHTS
from mmisr.structures.checks import fits, shown

SHOWN = 3
"""How many keys of a file a message lists."""

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
    if not isinstance(meta, dict):
        return {}
    dataset_meta = meta.get("dataset_meta")
    if dataset_meta is not None and not _names_classes(dataset_meta):
        raise ValueError(
            f"checkpoint {path}: meta.dataset_meta must be a dict with the names of the classes in "
            f"`classes` and a colour each in `palette`, found {shown(dataset_meta)}; save its "
            f"weights alone, and name the classes in the config"
        )
    return meta


def _names_classes(dataset_meta: Any) -> bool:
    if not isinstance(dataset_meta, dict):
        return False
    if not all(isinstance(key, str) for key in dataset_meta):
        return False
    # Older mmdet writes them in capitals.
    values = {key.lower(): value for key, value in dataset_meta.items()}
    return fits(values.get("classes"), NAMES) and fits(values.get("palette"), COLOURS)


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
    reason = (str(error) or type(error).__name__).splitlines()[0]
    before = one_before(path)
    way_out = f", or take the one before it, {before}" if before else ""
    return UnreadableCheckpoint(
        f"checkpoint {path} cannot be read: {reason}; the file is truncated or no PyTorch "
        f"checkpoint, get it again{way_out}"
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
    earlier = {}
    for file in path.parent.iterdir():
        other = SAVED.fullmatch(file.name)
        if other and other[1] == name[1] and int(other[2]) < int(name[2]):
            earlier[int(other[2])] = file
    return earlier[max(earlier)] if earlier else None


def newest(folder: str | Path) -> Path | None:
    """The checkpoint of a run that was written last, None where there is none.

    Args:
        folder: Folder that the run writes to.
    """
    saved = []
    for file in Path(folder).glob("*.pth"):
        name = SAVED.fullmatch(file.name)
        if name and name[1] in ("epoch_", "iter_"):
            saved.append(file)
    return max(saved, key=_age, default=None)


def _age(file: Path) -> tuple[int, int, str]:
    """Files written at one moment count by their number: a longer name has the larger one."""
    return file.stat().st_mtime_ns, len(file.name), file.name


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
    state = content if key is None else content[key]
    weights = {}
    for name, value in state.items() if isinstance(state, dict) else ():
        if isinstance(name, str) and isinstance(value, Tensor):
            weights[name.removeprefix("module.")] = value
    if not weights:
        raise ValueError(
            f"checkpoint {path} holds no weights: expected a dict of tensors, found "
            f"{_described(state)}"
        )
    return weights


def wrapper_of(content: Any) -> str | None:
    """The key under which a trainer put the weights; None where they lie bare, or nowhere.

    Args:
        content: As :func:`load_training` returns it.
    """
    if not isinstance(content, dict):
        return None
    return next((key for key in WRAPPERS if _count_tensors(content.get(key))), None)


def _count_tensors(value: Any) -> int:
    if not isinstance(value, dict):
        return 0
    return sum(isinstance(item, Tensor) for item in value.values())


def _described(content: Any) -> str:
    """What a file without weights holds.

    Those of other trainers may lie under a name of their own.
    """
    if not isinstance(content, dict):
        return type(content).__name__
    first = ", ".join(map(str, list(content)[:SHOWN]))
    keys = f"a dict with the keys {first or 'none'}"
    for key, value in content.items():
        count = _count_tensors(value)
        if count:
            return (
                f"{keys}; {key!r} holds {count} tensors: save that dict alone, "
                f"torch.save(content[{key!r}], ...)"
            )
    return keys
