"""Calibrations: what was measured on a device once, kept for the next process."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import torch
from torch import Tensor

from mmisr.ops.files import write_text
from mmisr.ops.macs import uncounted

Measured = TypeVar("Measured")
ROUNDS = 12

_known: dict[Path, Any] = {}


def calibrated(
    kind: type[Measured],
    name: tuple[object, ...],
    parameter: Tensor,
    measure: Callable[[], Measured],
) -> Measured:
    """What was measured on the device of a parameter: from the cache, or measured now and kept.

    The cache is one JSON file per name, device, thread count, precision and torch version, under
    ``$XDG_CACHE_HOME/mmisr`` (``~/.cache/mmisr``). A file that cannot be read is measured again; a
    folder that cannot be written is no error.

    Args:
        kind: Dataclass of numbers, and of lists of them.
        name: What is measured, with a number that is raised when a figure means something else.
        parameter: Says device and precision.
        measure: Measures it.
    """
    path = _cache_file(name, parameter)
    if path not in _known:
        try:
            kept = json.loads(path.read_text())
            _known[path] = kind(**kept)
        except (OSError, ValueError, TypeError):
            with uncounted():
                _known[path] = measure()
            _keep(path, _known[path])
    result: Measured = _known[path]
    return result


def least_ms(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Least milliseconds of a call: other work on the machine only ever adds to them.

    Args:
        call: What is timed; a GPU in use is waited for.
        rounds: How often.
    """
    times = []
    for _ in range(rounds):
        start = perf_counter()
        call()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            torch.cuda.synchronize()
        elapsed = perf_counter() - start
        times.append(elapsed * 1000)
    return min(times)


def _cache_file(name: tuple[object, ...], parameter: Tensor) -> Path:
    device = platform.processor() or "cpu"
    if parameter.is_cuda:
        device = torch.cuda.get_device_name(parameter.device)
    machine = (device, platform.node(), torch.get_num_threads())
    software = (parameter.dtype, torch.__version__)
    words = map(_in_a_file_name, (*name, *machine, *software))
    stem = "-".join(words)
    return _cache_folder() / f"{stem}.json"


def _in_a_file_name(word: object) -> str:
    return str(word).replace("/", "_").replace(" ", "_")


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "mmisr" / "cost_model"


def _keep(path: Path, measured: Any) -> None:
    with suppress(OSError):  # measured again next time
        write_text(path, json.dumps(asdict(measured)))
