"""What travels with the package.

Configs, tools and the small published checkpoints, in a wheel as in a clone.

A wheel has them under ``mmisr/.mim``, where mim looks; a clone at its top. Only the standard
library is imported.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
WEIGHTS = "checkpoints"
"""Folder of the published weights, as configs and metafiles name it."""


def shipped_root() -> Path:
    """The folder that has ``configs/``, ``tools/`` and ``checkpoints/``."""
    weights = PACKAGE / ".mim" / WEIGHTS
    # A clone has links there, which are followed; a system without links has neither and is a
    # clone.
    return weights.resolve().parent if weights.is_dir() else PACKAGE.parent


def shipped_tools() -> dict[str, Path]:
    """Every tool by the name that the command line takes.

    ``train``, ``get_flops``, ``dist_train``, ...
    """
    folder = shipped_root() / "tools"
    return {file.stem: file for file in sorted(folder.rglob("*")) if file.suffix in (".py", ".sh")}


def shipped_config(name: str) -> Path | None:
    """A config by its base name, with or without ``.py``; base names are unique.

    Args:
        name: The config's base name, such as ``instance-sr-nano-x4_tree-crowns``; a path is taken
            under the shipped folder.

    Returns:
        The file, or None where there is none of that name.
    """
    root = shipped_root()
    file = Path(name if name.endswith(".py") else f"{name}.py")
    if file.is_absolute():
        return None
    if len(file.parts) > 1:
        config = root / file
        is_config = file.parts[0] == "configs" and config.is_file()
        return config if is_config else None
    folder = root / "configs"
    for config in sorted(folder.rglob(file.name)):
        if "_base_" not in config.parts:
            return config
    return None


def config_file(name: str) -> str:
    """The file of one of the project's configs, for any code that reads configs by file.

    In a config that mmdet's own tools read, which do not know the scope ``mmisr::`` before this
    package is imported, the base is ``_base_ =
    __import__("mmisr").config_file("instance_sr/instance-sr-nano-x4_tree-crowns.py")``.

    Args:
        name: The config's base name, with or without ``.py``, or its path under ``configs/``, as
            after ``mmisr::``.

    Returns:
        An absolute path.

    Raises:
        FileNotFoundError: There is none of that name.
    """
    below = shipped_root() / "configs" / (name if name.endswith(".py") else f"{name}.py")
    config = below if below.is_file() else shipped_config(name)
    if config is None:
        raise FileNotFoundError(
            f"mmisr has no config {name!r}; they are under {shipped_root() / 'configs'}"
        )
    return str(config)


def shipped_weights(path: str) -> str:
    """Where published weights really are.

    Args:
        path: As a config or a metafile names them, such as ``checkpoints/x.pth``: relative to the
            current folder.

    Returns:
        The shipped file where the current folder has none and the package has; otherwise ``path``
        as it is.
    """
    if not path.startswith(f"{WEIGHTS}/") or Path(path).exists():
        return path
    shipped = shipped_root() / path
    return str(shipped) if shipped.is_file() else path
