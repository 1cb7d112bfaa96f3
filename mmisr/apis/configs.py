"""Read a config the way every tool does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmisr.openmmlab import mmagic_nets  # noqa: F401  (registers mmagic's networks)


def read_config(
    config: str | Path | Config,
    work_dir: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = "none",
) -> Config:
    """Read a config and apply what the command line says.

    Args:
        config: A file, or a config (copied).
        work_dir: Overrides the config's; ``work_dirs/<config name>`` where neither says.
        cfg_options: Overrides by dotted key.
        launcher: Sets ``cfg.launcher``.

    Returns:
        The config; its default scope is active.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if isinstance(config, Config):
        cfg = config.copy()
    else:
        if not Path(config).is_file():
            raise FileNotFoundError(f"config {config} does not exist; the project's own are under configs/")
        cfg = Config.fromfile(config)
    if cfg_options:
        cfg.merge_from_dict(cfg_options)
    cfg.launcher = launcher
    name = Path(cfg.filename).stem if cfg.filename else "run"
    cfg.work_dir = work_dir or cfg.get("work_dir") or f"work_dirs/{name}"
    init_default_scope(cfg.get("default_scope", "mmisr"))
    return cfg
