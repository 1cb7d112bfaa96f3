"""Make unmodified mmengine, mmcv, mmdet and mmagic importable together."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

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

_prepared = False


class StackError(ImportError):
    """A piece of the stack is missing or does not fit; the message is one line that says which and what to do."""


def prepare() -> None:
    """Make the four libraries importable together; later calls do nothing.

    Three things stand in the way of unmodified packages: mmcv without compiled ops has no ``mmcv._ext`` (torchvision's
    kernels take its place, unless a compiled one is there), mmagic refuses mmcv >= 2.2 and numpy 2, and mmagic imports
    all its editors, several of which need diffusers or transformers (the package is made lazy instead).

    Raises:
        StackError: A package is missing or fails to import; the message names it.
    """
    global _prepared
    if _prepared:
        return
    for name, package in PACKAGES.items():
        if find_spec(name) is None:
            raise StackError(f"the Python package `{name}` is not installed: pip install {package} ({INSTALL_HINT})")
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError) as error:
        raise StackError(
            f"torch and torchvision do not fit together ({error}): install a matching official pair, "
            "e.g. torch==2.11.0 torchvision==0.26.0"
        ) from error
    _install_kernels()
    try:
        _import_mmagic()
    except ImportError as error:
        raise StackError(f"mmagic does not import: {error}; {INSTALL_HINT}") from error
    _prepared = True


def has_compiled_ops() -> bool:
    """Whether mmcv came with compiled kernels of its own."""
    ext = sys.modules.get("mmcv._ext")
    if ext is not None:
        return not getattr(ext, "IS_TORCHVISION_SUBSTITUTE", False)
    return find_spec("mmcv._ext") is not None


def _install_kernels() -> None:
    importlib.import_module("mmcv")
    if not has_compiled_ops():
        from mmisr.openmmlab.ops import substitute_module

        sys.modules["mmcv._ext"] = substitute_module()


def _import_mmagic() -> None:
    import numpy as np

    if not hasattr(np, "bool8"):  # removed in numpy 2; mmagic 1.2 still names it
        np.bool8 = np.bool_  # type: ignore[attr-defined]
    with _accepted_mmcv_version():
        mmagic = importlib.import_module("mmagic")
    _make_editors_lazy(Path(str(mmagic.__file__)).parent)
    with _stand_in_for_diffusers():
        importlib.import_module("mmagic.models.archs")
        importlib.import_module("mmagic.models")


@contextmanager
def _accepted_mmcv_version() -> Iterator[None]:
    """mmagic 1.2 asserts mmcv < 2.2 at import and runs with later ones; the bound is lifted while it looks."""
    import mmcv

    real = mmcv.__version__
    mmcv.__version__ = "2.1.0"
    try:
        yield
    finally:
        mmcv.__version__ = real


def _make_editors_lazy(mmagic_folder: Path) -> None:
    """Give ``mmagic.models.editors`` its path without running its ``__init__``, so that each room imports alone."""
    name = "mmagic.models.editors"
    if name in sys.modules:
        return
    package = ModuleType(name, "The editors of mmagic, imported room by room.")
    package.__path__ = [str(mmagic_folder / "models" / "editors")]
    package.__package__ = name
    package.__spec__ = ModuleSpec(name, None, is_package=True)
    package.__all__ = []  # type: ignore[attr-defined]
    sys.modules[name] = package


@contextmanager
def _stand_in_for_diffusers() -> Iterator[None]:
    """``mmagic.models.archs`` unpacks None without diffusers; an installed diffusers is left alone."""
    if find_spec("diffusers") is not None:
        yield
        return
    names = ["diffusers", *(f"diffusers.{part}" for part in ("models", "schedulers", "pipelines", "models.attention"))]
    modules = {name: ModuleType(name) for name in names}
    for name, module in modules.items():
        parent, _, leaf = name.rpartition(".")
        if parent:
            setattr(modules[parent], leaf, module)
    modules["diffusers.models.attention"].BasicTransformerBlock = object  # type: ignore[attr-defined]
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            sys.modules.pop(name, None)
