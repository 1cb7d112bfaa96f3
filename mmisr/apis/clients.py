"""What ``tools/run_mmdet.py`` does: mmdet's own tools in a process that is prepared for pairs."""

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
        arguments: What follows on the command line.

    Raises:
        FileNotFoundError: The installed mmdet has no such tool.
        ValueError: mmdet's test-time augmentation is asked for, and would make no LR images.
        SystemExit: The tool ended by it.
    """
    script = find_tool(tool)
    prepare()
    if script.name == "test.py" and "--tta" in arguments:
        _check_views(arguments[0])
    sys.argv = [str(script), *arguments]
    runpy.run_path(str(script), run_name="__main__")


def _check_views(config: str) -> None:
    """See that a pair's views have LR images.

    Mmdet's default flips the HR image alone, a plain detector's has none.
    """
    from mmisr.apis.checks import is_pair
    from mmisr.apis.configs import read_config
    from mmisr.apis.test import makes_lr

    cfg = read_config(config)
    if is_pair(cfg) and not makes_lr(cfg.get("tta_pipeline") or []):
        raise ValueError(
            f"config {config} has no tta_pipeline that makes LR images, and mmdet's own makes "
            f"none: run `mmisr test --tta`, which "
            "makes one of every view"
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
    folder = Path(spec.origin if spec and spec.origin else "mmdet").parent / ".mim" / "tools"
    found = sorted(folder.rglob(f"{tool}.py"))
    if not found:
        known = ", ".join(sorted(path.stem for path in folder.rglob("*.py")))
        raise FileNotFoundError(
            f"{folder} has no tool {tool!r}; it has {known or 'none'}. Give the path of a script, "
            f"as of a clone of mmdet"
        )
    return found[0]
