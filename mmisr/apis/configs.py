"""Read a config the way every tool does."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmisr.apis.checks.config_types import check_arguments, check_parts
from mmisr.openmmlab import mmagic_nets  # noqa: F401  (registers mmagic's networks)
from mmisr.ops.shipped import shipped_config, shipped_root, shipped_weights


def read_config(
    config: str | Path | Config,
    work_dir: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = "none",
) -> Config:
    """Read a config and apply what the command line says.

    Args:
        config: A file, one of the project's own by its name, or a config (copied). Published
            weights that the config names and the current folder does not have are the package's.
        work_dir: Folder of the run; by default the config's, else ``work_dirs/<config name>``.
        cfg_options: Overrides by dotted key.
        launcher: What started the processes of the run; it becomes ``cfg.launcher``.

    Returns:
        The config; its default scope is active.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A value is not of the kind that it must be, see
            :mod:`mmisr.apis.checks.config_types`.
    """
    if isinstance(config, Config):
        cfg = copy.deepcopy(config)  # its own copies share what is nested
    else:
        cfg = Config.fromfile(find_config(config))
    if cfg_options:
        cfg.merge_from_dict(cfg_options)
    _place_weights(cfg._cfg_dict)
    if cfg.get("visualizer"):
        # mmengine keeps one of each name, with the folder of the process's first run.
        cfg.visualizer.pop("name", None)
    cfg.launcher = launcher
    name = Path(cfg.filename).stem if cfg.filename else "run"
    cfg.work_dir = work_dir or cfg.get("work_dir") or f"work_dirs/{name}"
    if cfg.get("default_scope") is None:
        cfg.default_scope = "mmisr"  # mmengine's own default knows none of our parts
    check_parts(cfg)
    init_default_scope(cfg.default_scope)
    check_arguments(cfg)
    return cfg


def find_config(config: str | Path) -> Path:
    """The file of a config.

    Args:
        config: A file, or the name or path of one of the project's own, found from any folder.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if Path(config).is_file():
        return Path(config)
    own = shipped_config(str(config))
    if own is None:
        raise FileNotFoundError(
            f"config {config} does not exist; the project's own are under configs/, and go by "
            "their names from any folder"
        )
    return own


def published_weights(config: str | Path | Config) -> str | None:
    """The weights that are published for one of the project's own models, asked for by its name.

    Args:
        config: The config, as for :func:`read_config`.

    Returns:
        A file that holds the whole model; None for a config of one's own, an unpublished model, and
        a pair, whose config names the weights of its parts.
    """
    if isinstance(config, Config):
        return None
    path = Path(config)
    if path.is_file() or path.name.endswith(".py"):
        return None
    index = _read_yaml("model-index.yml")
    for metafile in index["Import"]:
        for model in _read_yaml(metafile)["Models"]:
            weights = model["Weights"]
            if model["Name"] == str(config) and isinstance(weights, str):
                return shipped_weights(weights)
    return None


def _read_yaml(name: str) -> dict[str, Any]:
    text = (shipped_root() / name).read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def _place_weights(node: Any) -> None:
    """Let published weights be found from any folder."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        if isinstance(value, str):
            path = shipped_weights(value)
            if path != value:
                node[key] = path
        elif isinstance(value, (dict, list)):
            _place_weights(value)
