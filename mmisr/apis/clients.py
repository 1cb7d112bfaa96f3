"""What ``tools/run_mmdet.py`` does: mmdet's own tools in a process that is ready for pairs."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from mmisr.openmmlab.stack import prepare


def run_mmdet(tool: str, arguments: Sequence[str]) -> None:
    """Run one of mmdet's own tools as a program, after the stack was made ready.

    A tool imports mmdet before it reads a config. Without compiled ops of mmcv that fails, and what
    pairs teach mmdet's classes comes too late for names that the tool has imported.

    Args:
        tool: Its name (``test``, ``browse_dataset``, ...), or the path of a script.
        arguments: The words that follow it on the command line.

    Raises:
        FileNotFoundError: The installed mmdet has no such tool.
        ValueError: mmdet's test-time augmentation is asked for, and would make no LR images.
        SystemExit: The tool ended by it.
    """
    script = find_tool(tool)
    prepare()
    if script.name == "test.py" and "--tta" in arguments:
        _check_views(arguments[0])
    # The tool sees the command line that its own user would have typed.
    sys.argv = [str(script), *arguments]
    runpy.run_path(str(script), run_name="__main__")


def _check_views(config: str) -> None:
    """See that the views of a pair's test-time augmentation have LR images.

    Mmdet's default flips the HR image alone, and that of a plain detector has none.
    """
    from mmisr.apis.checks.data import is_pair
    from mmisr.apis.configs import read_config
    from mmisr.apis.test import makes_lr

    cfg = read_config(config)
    if is_pair(cfg) and not makes_lr(cfg.get("tta_pipeline") or []):
        raise ValueError(
            f"config {config} has no tta_pipeline that makes LR images, and mmdet's own makes "
            "none: run `mmisr test --tta`, which makes one of every view"
        )


def find_tool(tool: str) -> Path:
    """The script of one of mmdet's tools.

    Args:
        tool: As for :func:`run_mmdet`.

    Raises:
        FileNotFoundError: There is none.
    """
    if tool.endswith(".py") and Path(tool).is_file():
        return Path(tool)
    spec = find_spec("mmdet")
    origin = spec.origin if spec else None
    package = Path(origin or "mmdet").parent
    folder = package / ".mim" / "tools"
    scripts = sorted(folder.rglob(f"{tool}.py"))
    if scripts:
        return scripts[0]
    names = sorted(path.stem for path in folder.rglob("*.py"))
    raise FileNotFoundError(
        f"{folder} has no tool {tool!r}; it has {', '.join(names) or 'none'}. Give the path of a "
        "script, as of a clone of mmdet"
    )
