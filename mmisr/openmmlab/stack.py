"""Make unmodified mmengine, mmcv, mmdet and mmagic importable together.

This module imports only the standard library until :func:`prepare` runs, so that it can say what is
missing. A process that was spawned, not forked, starts without any of it: whatever it imports first
must call :func:`prepare`, as every module of ``mmisr.openmmlab`` and with it every tool does.
"""

from __future__ import annotations

import ast
import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

INSTALL_HINT = "install what requirements.txt names, then mmagic==1.2.0 with --no-deps"

PACKAGES = {
    "torch": "torch",
    "torchvision": "torchvision",
    "mmengine": "onedl-mmengine",
    "mmcv": "onedl-mmcv",
    "mmdet": "onedl-mmdetection",
    "mmagic": "mmagic (with --no-deps)",
}
"""Import name to the name to install, in the order they are imported."""

NEWEST_MMCV_ASKED_FOR = (2, 1, 0)
"""mmagic 1.2 and mmdet 3.3 assert mmcv < 2.2 (mmdet 3.1 and 3.2.

<= 2.1) at import, and run with later ones.
"""

OWN_WARNINGS = (
    (r"DeprecationWarning: `num_anchors` is deprecated", r"mmdet\."),
    (r"torch\.meshgrid: in an upcoming release", r"torch\.functional"),
)
"""Warnings (text, module) that a library gives about a line of its own.

Nobody who uses it can do anything about them.
"""

OWN_LINES = (
    "Could not import OneDL",
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
)
"""Log lines of the same kind.

A service that nobody asked for, and classes that mmengine's own checkpoint hook uses.
"""

EDITORS = "mmagic.models.editors"
NETS = "mmisr.openmmlab.mmagic_nets"

_prepared = False


class StackError(ImportError):
    """A piece of the stack is missing or does not fit.

    The message is one line that says which and what to do.
    """


def prepare() -> None:
    """Make the four libraries importable together; later calls do nothing.

    Three things stand in the way of unmodified packages: mmcv without compiled ops has no
    ``mmcv._ext`` (torchvision's kernels take its place, unless a compiled one is there), mmagic
    refuses mmcv >= 2.2 and numpy 2, and mmagic imports all its editors, several of which need
    diffusers or transformers (the package is made lazy instead).

    Raises:
        StackError: A package is missing or fails to import; the message names it.
    """
    global _prepared
    if _prepared:
        return
    for name, package in PACKAGES.items():
        if find_spec(name) is None:
            raise StackError(
                f"the Python package `{name}` is not installed: pip install {package} "
                f"({INSTALL_HINT})"
            )
    for text, module in OWN_WARNINGS:
        warnings.filterwarnings("ignore", message=text, module=module)
    _import_or_explain("torch", "install it again, as https://pytorch.org says for this machine")
    _import_or_explain(
        "torchvision",
        "torch and torchvision do not fit together: install a matching official pair, both for "
        "CUDA or both for the "
        "CPU, e.g. torch==2.11.0 torchvision==0.26.0",
    )
    _import_or_explain("mmengine", INSTALL_HINT)
    _import_or_explain("mmcv", INSTALL_HINT)
    _install_kernels()
    with _mmcv_not_too_new():
        _import_or_explain("mmdet", INSTALL_HINT)
        _import_or_explain("mmagic", INSTALL_HINT)
    with _quieter_imports():
        _import_or_explain("mmdet.datasets", INSTALL_HINT)
    _open_mmagic()
    _quieter_checkpoints()
    _teach_mmengine()
    _prepared = True


def _teach_mmengine() -> None:
    """Have mmengine read without running code, save whole files, and know our figures in its hooks.

    mmdet's own inferencers and tools know our pipelines and samples.
    """
    from mmisr.openmmlab.clients import teach_clients
    from mmisr.openmmlab.doors import guard
    from mmisr.openmmlab.monitoring import teach_rules
    from mmisr.openmmlab.saving import save_whole

    guard()
    save_whole()
    teach_rules()
    teach_clients()


def has_compiled_ops() -> bool:
    """Whether mmcv came with compiled kernels of its own."""
    ext = sys.modules.get("mmcv._ext")
    if ext is not None:
        return not getattr(ext, "IS_TORCHVISION_SUBSTITUTE", False)
    return find_spec("mmcv._ext") is not None


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of its text, for messages of one line."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _import_or_explain(name: str, hint: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (
        Exception
    ) as error:  # a library may fail in any way: a missing symbol, an assertion, an attribute
        if (
            isinstance(error, ModuleNotFoundError)
            and error.name
            and error.name.split(".")[0] not in PACKAGES
        ):
            hint = f"pip install {error.name.split('.')[0]}, or {hint}"
        raise StackError(f"`{name}` does not import ({first_line(error)}); {hint}") from error


def _install_kernels() -> None:
    """A compiled ``mmcv._ext`` wins; without one torchvision's kernels stand in its place."""
    if find_spec("mmcv.ops") is None:
        raise StackError(
            "this `mmcv` has no `mmcv.ops` (mmcv-lite?): pip uninstall mmcv-lite mmcv, then pip "
            "install onedl-mmcv"
        )
    if has_compiled_ops():
        _import_or_explain(
            "mmcv._ext",
            "it was compiled for another torch: install mmcv again for this one, or a pure-Python "
            "mmcv "
            "(pip install onedl-mmcv), which works without compiled ops",
        )
        return
    from mmisr.openmmlab.ops import substitute_module

    sys.modules["mmcv._ext"] = substitute_module()


@contextmanager
def _mmcv_not_too_new() -> Iterator[None]:
    """Show the newest version that mmdet and mmagic ask for, while they look.

    Never more than the real one.
    """
    mmcv = sys.modules["mmcv"]
    real = mmcv.__version__
    if _release(real) > NEWEST_MMCV_ASKED_FOR:
        mmcv.__version__ = ".".join(map(str, NEWEST_MMCV_ASKED_FOR))  # type: ignore[attr-defined]
    try:
        yield
    finally:
        mmcv.__version__ = real  # type: ignore[attr-defined]


@contextmanager
def _quieter_imports() -> Iterator[None]:
    """Leave the lines out that the libraries log about themselves at import."""
    logging = importlib.import_module("mmengine.logging")
    real = logging.print_log
    logging.print_log = _without_own_lines(real)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        logging.print_log = real  # type: ignore[attr-defined]


def _quieter_checkpoints() -> None:
    """Leave the lines out that mmengine logs about itself whenever a run begins to save."""
    client = importlib.import_module("mmengine.fileio.file_client")
    client.print_log = _without_own_lines(client.print_log)  # type: ignore[attr-defined]


def _without_own_lines(print_log: Callable) -> Callable:
    def filtered(msg: Any, *args: Any, **options: Any) -> None:
        if not str(msg).startswith(OWN_LINES):
            print_log(msg, *args, **options)

    return filtered


def _release(version: str) -> tuple[int, ...]:
    from packaging.version import Version

    return Version(version).release


def _open_mmagic() -> None:
    """Import mmagic's models, and let its registry find its lazy restoration editors."""
    import numpy as np

    if not hasattr(np, "bool8"):  # removed in numpy 2; mmagic 1.2 still names it
        np.bool8 = np.bool_  # type: ignore[attr-defined]
    folder = Path(str(sys.modules["mmagic"].__file__)).parent / "models" / "editors"
    editors = sys.modules.setdefault(EDITORS, LazyEditors(folder))
    with _stand_in_for_diffusers():
        _import_or_explain("mmagic.models.archs", INSTALL_HINT)
        models = _import_or_explain("mmagic.models", INSTALL_HINT)
    models.editors = editors  # type: ignore[attr-defined]
    # `from mmagic.models import SRGAN` works: what its star import would have brought is looked up
    # when asked for
    models.__getattr__ = partial(getattr, editors)  # type: ignore[method-assign]
    registry = _import_or_explain("mmagic.registry", INSTALL_HINT)
    if NETS not in registry.MODELS._locations:
        registry.MODELS._locations.append(NETS)


class LazyEditors(ModuleType):
    """``mmagic.models.editors`` without its ``__init__``, which would import all 62 rooms.

    Each room imports alone (``import mmagic.models.editors.edsr``), and a name that the
    ``__init__`` would have offered (``from mmagic.models.editors import EDSRNet``) imports its room
    when it is asked for.

    Args:
        folder: Where the rooms lie.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(EDITORS, "The editors of mmagic, imported room by room.")
        self.__path__ = [str(folder)]
        self.__file__ = str(folder / "__init__.py")
        self.__package__ = EDITORS
        self.__spec__ = ModuleSpec(EDITORS, None, origin=self.__file__, is_package=True)
        self.__all__: list[str] = []  # `from .editors import *` takes nothing
        self._room_of: dict[str, str] | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._room_of is None:
            self._room_of = _names_offered(Path(self.__path__[0]) / "__init__.py")
        if name not in self._room_of:
            raise AttributeError(f"module {EDITORS!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{EDITORS}.{self._room_of[name]}"), name)


def _names_offered(init_file: Path) -> dict[str, str]:
    """Name to room, from the ``from .room import Name`` lines of a package that is not run."""
    tree = ast.parse(init_file.read_text(encoding="utf-8"))
    lines = (
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
    )
    return {alias.asname or alias.name: str(line.module) for line in lines for alias in line.names}


@contextmanager
def _stand_in_for_diffusers() -> Iterator[None]:
    """``mmagic.models.archs`` unpacks None without diffusers.

    An installed diffusers is left alone.
    """
    if find_spec("diffusers") is not None:
        yield
        return
    names = [
        "diffusers",
        *(
            f"diffusers.{part}"
            for part in ("models", "schedulers", "pipelines", "models.attention")
        ),
    ]
    modules = {name: ModuleType(name) for name in names}
    for name, module in modules.items():
        module.__spec__ = ModuleSpec(name, None)
        parent, _, leaf = name.rpartition(".")
        if parent:
            setattr(modules[parent], leaf, module)
    attention = modules["diffusers.models.attention"]
    attention.BasicTransformerBlock = object  # type: ignore[attr-defined]
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            sys.modules.pop(name, None)
