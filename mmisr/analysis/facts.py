"""What a result needs beside its numbers: config, data, versions, machine, date."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

import mmisr
from mmisr.ops.wrapped import parts_of
from mmisr.version import __version__

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "onedl-mmengine",
    "onedl-mmcv",
    "onedl-mmdetection",
    "mmagic",
    "faster-coco-eval",
    "sahi",
)
"""Packages whose versions stand beside figures, because figures depend on them."""


def meta(cfg: Config) -> dict[str, Any]:
    """Config, versions, machine and date, for a JSON file."""
    return {
        "mmisr": __version__,
        "config": cfg.filename,
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "device": _device(),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        },
        "macs": "whole pair per image, everything charged; macs_by_stage splits it",
        "ms": "median per image and stage; arms timed in turns on the same images, a detector's "
        "time shared by input shape",
    }


@lru_cache
def code_hash() -> str:
    """SHA-256 of mmisr's own code, so that a result of other code is never taken for one of this.

    Reports are left out: they show figures and make none.
    """
    root = Path(mmisr.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] == "reports":
            continue
        digest.update(name.as_posix().encode())
        digest.update(b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"


def data_facts(dataset: Any) -> dict[str, Any]:
    """What identifies a data set: its annotation file by content, its images by name and size.

    Args:
        dataset: mmdet's, built, wrapped or not.

    Returns:
        ``ann_file`` (or all) and its ``sha256``, ``images`` (how many) and ``files``, a hash over
        their names and sizes.
    """
    ann_files = [Path(str(part.ann_file)) for part in parts_of(dataset)]
    return {
        "ann_file": ", ".join(map(str, ann_files)),
        "sha256": _contents_hash(ann_files),
        "images": len(dataset),
        "files": _names_hash(dataset),
    }


def _contents_hash(paths: Sequence[Path]) -> str | None:
    """SHA-256 of files one behind the other; None where one is not there."""
    digest = hashlib.sha256()
    for path in paths:
        if not path.is_file():
            return None
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _names_hash(dataset: Any) -> str:
    """SHA-256 of the names and sizes of all images, in the order of the data set."""
    digest = hashlib.sha256()
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        path = Path(str(info.get("img_path")))
        size = path.stat().st_size if path.is_file() else None
        digest.update(f"{path.name} {size}\n".encode())
    return digest.hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ImportError:
        return None
