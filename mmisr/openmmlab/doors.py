"""The doors by which mmengine, mmdet and mmagic read checkpoints and pickles: all of them lead through our readers.

``load_from`` of a run, ``init_cfg=dict(type='Pretrained')`` at any level, a resumed run, ``proposal_file`` and mmengine's
``fileio.load`` read files that people got from others. Configs are Python and run; such files are data and must not.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, get_rank
from mmengine.fileio.handlers import register_handler
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoints

from mmisr.openmmlab.checkpoints import load_training
from mmisr.openmmlab.unpickling import SafePickleHandler

UNREACHABLE = ("pavi://", r"(\S+\:)?s3://", r"(\S+\:)?petrel://")
"""Stores whose client alone knows how to read a file, and reads it as it likes."""


def guard() -> None:
    """Let mmengine read checkpoints and pickles by our rules, in this process; calling it again changes nothing."""
    register_handler(["pkl", "pickle"])(SafePickleHandler)
    CheckpointLoader.register_scheme("", load_from_local, force=True)
    CheckpointLoader.register_scheme(["http://", "https://"], load_from_http, force=True)
    CheckpointLoader.register_scheme(list(UNREACHABLE), load_from_store, force=True)
    mmengine_checkpoints.load_from_http = load_from_http  # torchvision://, open-mmlab:// and mmcls:// end there
    mmengine_checkpoints._safe_torch_load = load_from_local  # a local copy of an open-mmlab:// file, in the kept fork


def load_from_local(filename: str | Path, map_location: Any = None) -> Any:
    """Read a local checkpoint.

    Args:
        filename: The file.
        map_location: As in ``torch.load``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or would run code.
    """
    return load_training(Path(os.path.expanduser(filename)), map_location)


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


def load_from_store(filename: str, map_location: Any = None) -> Any:
    """Refuse what cannot be read safely.

    Raises:
        ValueError: Always.
    """
    raise ValueError(
        f"checkpoint {filename} lies in a store whose client would unpickle it; copy the file here and give its path"
    )
