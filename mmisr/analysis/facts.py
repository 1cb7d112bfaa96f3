"""What a result needs beside its numbers: config, data, versions, machine, date."""

from __future__ import annotations

import hashlib
import os
import platform
import time
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
    *(
        "torch",
        "torchvision",
        "numpy",
        "onedl-mmengine",
        "onedl-mmcv",
        "onedl-mmdetection",
        "mmagic",
    ),
    *("faster-coco-eval", "sahi"),
)


def meta(cfg: Config) -> dict[str, Any]:
    """Config, versions, machine and date, for a JSON file."""
    return {
        "mmisr": __version__,
        "config": cfg.filename,
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "device": torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"CPU, {torch.get_num_threads()} threads",
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
    root, digest = Path(mmisr.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] != "reports":
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def data_facts(dataset: Any) -> dict[str, Any]:
    """What identifies a data set: its annotation file by content, its images by name and size.

    Args:
        dataset: mmdet's, built, wrapped or not.

    Returns:
        ``ann_file`` (or all) and its ``sha256``, ``images`` (how many) and ``files``, a hash over
        their names and sizes.
    """
    digest = hashlib.sha256()
    for index in range(len(dataset)):
        path = Path(str(dataset.get_data_info(index).get("img_path")))
        size = path.stat().st_size if path.is_file() else None
        digest.update(f"{path.name} {size}\n".encode())
    files = [Path(str(part.ann_file)) for part in parts_of(dataset)]
    contents = [path.read_bytes() for path in files if path.is_file()]
    sha256 = hashlib.sha256(b"".join(contents)).hexdigest() if len(contents) == len(files) else None
    names = ", ".join(str(path) for path in files)
    return {
        "ann_file": names,
        "sha256": sha256,
        "images": len(dataset),
        "files": digest.hexdigest(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ImportError:
        return None
