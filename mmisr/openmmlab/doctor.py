"""Say what is installed, which kernels come from where, and what is missing.

``python -m mmisr doctor``.

Only the standard library is imported before the checks run, so that the command works where the
packages do not.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.metadata
import io
import platform
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from mmisr.openmmlab.stack import (
    INSTALL_HINT,
    PACKAGES,
    StackError,
    first_line,
    has_compiled_ops,
    prepare,
)
from mmisr.ops.shipped import shipped_tools

DISTRIBUTIONS = {
    "torch": ("torch",),
    "torchvision": ("torchvision",),
    "mmengine": ("onedl-mmengine", "mmengine", "mmengine-lite"),
    "mmcv": ("onedl-mmcv", "mmcv", "mmcv-full", "mmcv-lite"),
    "mmdet": ("onedl-mmdetection", "mmdet"),
    "mmagic": ("mmagic",),
}
"""Import name to the distributions that may have brought it."""

NEEDED = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "faster_coco_eval": "faster-coco-eval",
    "pycocotools": "pycocotools",
    "safetensors": "safetensors",
    "spandrel": "spandrel",
    "tqdm": "tqdm",
}
"""What mmisr imports besides the stack: import name to the name to install."""

PARTS = (
    "mmcv.ops",
    "mmdet.apis",
    "mmdet.models",
    "mmagic.datasets",
    "mmagic.evaluation",
    "mmagic.models",
    "mmagic.structures",
    "mmagic.visualization",
    "mmisr.openmmlab.mmagic_nets",
)
"""Modules whose import shows that the parts of the stack that mmisr uses are whole."""

EXPECTED = {
    "torch": ("2.4", "2.13"),
    "mmengine": ("0.10.7", "0.10.12"),
    "mmcv": ("2.0", "2.3.6"),
    "mmdet": ("3.0", "3.5.1"),
    "mmagic": ("1.0", "1.2.0"),
}
"""Oldest and newest version expected to work. Another one is reported, never refused."""

OPS = {
    "nms, batched nms": "torchvision",
    "soft-nms": "numpy",
    "roi_align": "torchvision",
    "roi_pool": "torchvision",
    "deformable conv v1 and v2": "torchvision",
    "sigmoid focal loss": "plain torch, closed form",
    "deformable attention": "plain torch, mmcv's own formula",
}
"""Where the ops come from when mmcv has no compiled ones."""


class Finding(NamedTuple):
    """One line of the report; ``weight`` is 'info', 'warning' or 'error'."""

    weight: str
    text: str


def doctor() -> int:
    """Print the report, and one line on stderr for each thing that stops mmisr from working.

    Returns:
        0, or 1 when something is missing or does not fit.
    """
    failed = False
    for finding in examine():
        stream = sys.stderr if finding.weight == "error" else sys.stdout
        prefix = "" if finding.weight == "info" else f"{finding.weight}: "
        print(prefix + finding.text, file=stream, flush=True)
        failed = failed or finding.weight == "error"
    print("this installation does not work yet" if failed else "all is well")
    return int(failed)


def examine() -> Iterator[Finding]:
    """Look at the installation, from the versions to a kernel on each device.

    Returns:
        Findings, in the order of the report. What builds on a broken piece is not looked at, so
        that one cause makes one error.
    """
    yield Finding("info", f"python {platform.python_version()} on {platform.platform()}")
    yield from _versions()
    absent = [
        f"{name} (pip install {package})"
        for name, package in NEEDED.items()
        if find_spec(name) is None
    ]
    if absent:
        yield Finding("error", f"not installed: {', '.join(absent)}")
    try:
        prepare()
        for module in PARTS:
            _import_module(module)
        for module in [] if absent else _imported_by_tools():
            _import_module(module)
    except StackError as error:
        yield Finding("error", str(error))
        return
    yield from _ops()
    yield from _devices()
    yield from _distributed()


def _imported_by_tools() -> list[str]:
    """The modules that the tools import: a tool that would not start is named here."""
    modules = set()
    for file in shipped_tools().values():
        if file.suffix == ".py":
            modules |= _imported(file)
    return sorted(modules)


def _imported(file: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            modules.add(str(node.module))
    return modules


def _import_module(name: str) -> None:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # mmdet prints a debug message on import
            importlib.import_module(name)
    except Exception as error:
        # Whatever a library raises at import, the reader needs its name and one line.
        raise StackError(
            f"`{name}` does not import ({first_line(error)}); {INSTALL_HINT}"
        ) from error


def _versions() -> Iterator[Finding]:
    for name in PACKAGES:
        installed = list(_installed(DISTRIBUTIONS[name]))
        if not installed:
            state = "no metadata" if find_spec(name) else "not installed"
            yield Finding("info", f"{name}: {state}")
            continue
        versions = ", ".join(f"{version} ({dist})" for dist, version in installed)
        yield Finding("info", f"{name}: {versions}")
        if len(installed) > 1:
            names = " and ".join(dist for dist, _ in installed)
            yield Finding(
                "warning",
                f"{names} write into the same folder `{name}`: uninstall both, install one again",
            )
        yield from _age(name, installed[0][1])
    yield from _pair()


def _installed(distributions: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for distribution in distributions:
        try:
            yield distribution, importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue


def _age(name: str, version: str) -> Iterator[Finding]:
    """A warning when ``version`` lies outside ``EXPECTED``.

    A patch release of the newest is inside.
    """
    if name not in EXPECTED:
        return
    oldest, newest = (_numbers(bound) for bound in EXPECTED[name])
    numbers = _numbers(version)
    if numbers < oldest or numbers[: len(newest)] > newest:
        word = "older" if numbers < oldest else "newer"
        yield Finding(
            "warning",
            f"{name} {version} is {word} than what mmisr was made for, "
            f"{' to '.join(EXPECTED[name])}",
        )


def _pair() -> Iterator[Finding]:
    """A warning when the pair is no official one: torchvision 0.(x + 15) is made for torch 2.x."""
    torch = dict(_installed(("torch",))).get("torch")
    torchvision = dict(_installed(("torchvision",))).get("torchvision")
    if torch is None or torchvision is None:
        return
    major, minor = _numbers(torch)[:2]
    vision_minor = _numbers(torchvision)[1]
    if major == 2 and vision_minor != minor + 15:
        text = f"torch {torch} goes with torchvision 0.{minor + 15}, found {torchvision}"
        yield Finding("warning", text)


def _numbers(version: str) -> tuple[int, ...]:
    release = version.split("+")[0]
    return tuple(int(number) for number in release.split(".") if number.isdigit())


def _ops() -> Iterator[Finding]:
    if has_compiled_ops():
        yield Finding("info", "mmcv ops: all from mmcv, compiled")
        return
    yield Finding("info", "mmcv ops: this mmcv has no compiled ones; in their place")
    yield from (Finding("info", f"  {op}: {source}") for op, source in OPS.items())
    yield Finding("info", "  any other: an error that names the op and says how to compile mmcv")


def _devices() -> Iterator[Finding]:
    import torch

    devices = ["cpu"]
    if not torch.cuda.is_available():
        yield Finding(
            "info",
            f"GPU: none that torch can use (torch built for CUDA: {torch.version.cuda or 'no'})",
        )
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        text = f"GPU {index}: {properties.name}, {properties.total_memory / 2**30:.1f} GiB"
        yield Finding("info", f"{text}, compute capability {properties.major}.{properties.minor}")
        devices.append(f"cuda:{index}")
    for device in devices:
        yield from _kernel_runs(device)


def _kernel_runs(device: str) -> Iterator[Finding]:
    """Two boxes that overlap by more than the threshold leave one, through mmcv, on this device."""
    import torch
    from mmcv.ops import nms

    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 0.0, 10.0, 10.0]])
    scores = torch.tensor([0.5, 0.9])
    try:
        survivors = nms(boxes.to(device), scores.to(device), 0.5)[1].tolist()
        reason = f"kept {survivors}, expected [1]"
    except Exception as error:
        # A missing CUDA build raises NotImplementedError or RuntimeError, by version.
        survivors = []
        reason = first_line(error)
    if survivors == [1]:
        yield Finding("info", f"kernels on {device}: nms runs")
        return
    pair = "torch and torchvision as an official pair for this machine"
    cure = "mmcv again, compiled for this machine's torch" if has_compiled_ops() else pair
    yield Finding("error", f"mmcv's nms does not run on {device} ({reason}): install {cure}")


def _distributed() -> Iterator[Finding]:
    import torch.distributed as dist

    if not dist.is_available():
        yield Finding(
            "warning",
            "distributed: this torch was built without it, so training runs in one process",
        )
        return
    backends = {
        "gloo": dist.is_gloo_available(),
        "nccl": dist.is_nccl_available(),
        "mpi": dist.is_mpi_available(),
    }
    answers = [f"{name} {'yes' if is_there else 'no'}" for name, is_there in backends.items()]
    yield Finding("info", f"distributed: {', '.join(answers)}")
