"""What travels with the package: configs, tools and the small published checkpoints, in a wheel as in a clone.

A wheel has them under ``mmisr/.mim``, where mim looks; a clone at its top. Only the standard library is imported.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
WEIGHTS = "checkpoints"
"""Folder of the published weights, as configs and metafiles name it."""


def shipped_root() -> Path:
    """The folder that has ``configs/``, ``tools/`` and ``checkpoints/``."""
    mim = PACKAGE / ".mim"
    return mim if (mim / WEIGHTS).is_dir() else PACKAGE.parent


def shipped_tools() -> dict[str, Path]:
    """Every tool by the name that the command line takes: ``train``, ``get_flops``, ``dist_train``, ..."""
    folder = shipped_root() / "tools"
    return {file.stem: file for file in sorted(folder.rglob("*")) if file.suffix in (".py", ".sh")}


def shipped_config(name: str) -> Path | None:
    """A config by its base name, with or without ``.py``; base names are unique.

    Args:
        name: Such as ``instance-sr-nano-x4_tree-crowns``; a path is taken under the shipped folder.

    Returns:
        The file, or None where there is none of that name.
    """
    root, file = shipped_root(), Path(name if name.endswith(".py") else f"{name}.py")
    if file.is_absolute():
        return None
    if len(file.parts) > 1:
        return root / file if (root / file).is_file() and file.parts[0] == "configs" else None
    return next((found for found in sorted((root / "configs").rglob(file.name)) if "_base_" not in found.parts), None)


def shipped_weights(path: str) -> str:
    """Where published weights really are.

    Args:
        path: As a config or a metafile names them, such as ``checkpoints/x.pth``: relative to the current folder.

    Returns:
        The shipped file where the current folder has none and the package has; otherwise ``path`` as it is.
    """
    if not path.startswith(f"{WEIGHTS}/") or Path(path).exists():
        return path
    shipped = shipped_root() / path
    return str(shipped) if shipped.is_file() else path
