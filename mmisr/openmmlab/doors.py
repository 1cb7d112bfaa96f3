"""The doors by which mmengine, mmdet and mmagic read checkpoints and pickles.

All of them lead through our readers.

``load_from`` of a run, ``init_cfg=dict(type='Pretrained')`` at any level, a resumed run,
``proposal_file`` and mmengine's ``fileio.load`` read files that people got from others. Configs are
Python and run; such files are data and must not.
"""

from __future__ import annotations

import functools
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine import fileio
from mmengine.dist import barrier, get_rank
from mmengine.fileio.handlers import register_handler
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoints
from torch import nn

from mmisr.openmmlab.checkpoints import load_training, weights_of, wrapper_of
from mmisr.openmmlab.loading import check_fit
from mmisr.openmmlab.unpickling import NAMELESS, DataFileError, SafePickleHandler, SafeYamlHandler

UNREACHABLE = ("pavi://", r"(\S+\:)?s3://", r"(\S+\:)?petrel://")
"""Stores whose client alone knows how to read a file, and reads it as it likes."""


def guard() -> None:
    """Let mmengine read checkpoints and pickles by our rules, in this process.

    Calling it again changes nothing.
    """
    register_handler(["pkl", "pickle"])(SafePickleHandler)
    register_handler(["yaml", "yml"])(SafeYamlHandler)
    _name_files()
    _check_pretrained()
    CheckpointLoader.register_scheme("", load_from_local, force=True)
    CheckpointLoader.register_scheme(["http://", "https://"], load_from_http, force=True)
    CheckpointLoader.register_scheme(
        ["open-mmlab://", "openmmlab://"], load_from_openmmlab, force=True
    )
    CheckpointLoader.register_scheme(list(UNREACHABLE), load_from_store, force=True)
    mmengine_checkpoints.load_from_http = load_from_http  # torchvision:// and mmcls:// end there


def _name_files() -> None:
    """Mmengine's ``load`` gives readers a buffer.

    Its error shall name the file, wherever ``load`` was imported to.
    """
    real = fileio.load
    if getattr(real, "names_files", False):
        return
    ours = _naming(real)
    for name, module in list(sys.modules.items()):
        if (
            name.partition(".")[0] in ("mmengine", "mmdet", "mmagic", "mmisr")
            and vars(module).get("load") is real
        ):
            module.load = ours  # type: ignore[attr-defined]


def _check_pretrained() -> None:
    """The initialiser from a file of mmengine says little of what it did not find there."""
    real = PretrainedInit.__call__
    if not hasattr(real, "__wrapped__"):
        PretrainedInit.__call__ = _checking(real)


def _checking(real: Callable) -> Callable:
    @functools.wraps(real)
    def initialise(self: Any, module: nn.Module) -> None:
        path, prefix = self.checkpoint, f"{self.prefix.removesuffix('.')}." if self.prefix else ""
        state = weights_of(CheckpointLoader.load_checkpoint(path, "cpu"), path)
        inner = {
            name.removeprefix(prefix): value
            for name, value in state.items()
            if name.startswith(prefix)
        }
        source = (
            f"init_cfg=dict(type='Pretrained', "
            f"checkpoint={str(path)!r}{f', prefix={prefix!r}' if prefix else ''})"
        )
        check_fit(module, inner, source, _other_prefix(module, state))
        real(self, module)

    return initialise


def _other_prefix(module: nn.Module, state: Mapping[str, Any]) -> str:
    """What to do where a file has nothing for a module.

    The prefix under which it would have, where there is one.
    """
    own = list(module.state_dict())
    found = {name.removesuffix(own[0]) for name in state if own and name.endswith(f".{own[0]}")}
    if found:
        return f"give it prefix={min(found, key=len)!r}, under which the file has them"
    return "give a file of the same architecture, or the prefix of this part in it"


def _naming(real: Callable) -> Callable:
    @functools.wraps(real)
    def load(file: Any, *args: Any, **options: Any) -> Any:
        try:
            return real(file, *args, **options)
        except DataFileError as error:
            raise DataFileError(str(error).replace(NAMELESS, str(file), 1)) from error

    load.names_files = True  # type: ignore[attr-defined]
    return load


def load_from_local(filename: str | Path, map_location: Any = None) -> Any:
    """Read a local checkpoint.

    The text of a config that it may hold is left out of ``meta``: a run that resumes from it
    executes that text as Python, to look for a number of GPUs.

    Args:
        filename: The file.
        map_location: As in ``torch.load``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or would run code.
    """
    path = Path(os.path.expanduser(filename))
    content = load_training(path, map_location)
    weights = weights_of(content, path)
    if isinstance(content.get("meta"), dict):
        content["meta"].pop("config", None)
    if wrapper_of(content) is None:
        return weights
    # mmengine looks for them under this name alone, and would go on without those that another
    # trainer wrote
    return {**content, "state_dict": OrderedDict(weights)}


def load_from_http(
    filename: str, map_location: Any = None, model_dir: str | None = None, progress: bool = False
) -> Any:
    """Download a checkpoint once, into torch's cache of checkpoints, and read it.

    Args:
        filename: The address.
        map_location: As in ``torch.load``.
        model_dir: Another folder than torch's.
        progress: Whether to show a bar.

    Raises:
        ValueError: It is damaged, or would run code.
    """
    folder = Path(model_dir or Path(torch.hub.get_dir()) / "checkpoints")
    path = folder / Path(urlparse(filename).path).name
    if get_rank() == 0 and not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(filename, str(path), progress=progress)
    barrier()
    return load_from_local(path, map_location)


def load_from_openmmlab(filename: str, map_location: Any = None) -> Any:
    """Read a checkpoint of OpenMMLab's list, downloaded or of the user's own list of local files.

    Args:
        filename: ``open-mmlab://`` or ``openmmlab://`` and the name in the list.
        map_location: As in ``torch.load``.

    Raises:
        ValueError: The name is not in the list, or the file is damaged or would run code.
    """
    name = filename.partition("://")[2]
    name = mmengine_checkpoints.get_deprecated_model_names().get(name, name)
    place = mmengine_checkpoints.get_external_models().get(name)
    if place is None:
        raise ValueError(
            f"checkpoint {filename} is not in OpenMMLab's list of models; give a path or an address"
        )
    if place.startswith(("http://", "https://")):
        return load_from_http(place, map_location)
    return load_from_local(Path(mmengine_checkpoints._get_mmengine_home()) / place, map_location)


def load_from_store(filename: str, map_location: Any = None) -> Any:
    """Refuse what cannot be read safely.

    Raises:
        ValueError: Always.
    """
    raise ValueError(
        f"checkpoint {filename} lies in a store whose client would unpickle it; copy the file here "
        f"and give its path"
    )
