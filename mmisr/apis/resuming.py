"""Where a run goes on from when nobody says where."""

from __future__ import annotations

import logging
from pathlib import Path

from mmengine.logging import print_log
from mmengine.runner import find_latest_checkpoint

from mmisr.openmmlab.checkpoints import UnreadableCheckpoint, load_training, newest, one_before


def last_checkpoint(work_dir: str) -> str | None:
    """The last checkpoint of a run that can be read.

    Where that is not the last one, a warning says so.

    Args:
        work_dir: Folder of the run.

    Returns:
        The file, or None where the run has saved none.

    Raises:
        FileNotFoundError: The run names a last one, and neither it nor another is there.
        ValueError: All are damaged, or one would run code.
    """
    named = find_latest_checkpoint(work_dir)
    if named is None:
        return None
    path: Path | None = _found(Path(work_dir), named)
    first: UnreadableCheckpoint | None = None
    while path is not None:
        try:
            load_training(path)
        except UnreadableCheckpoint as error:
            first, path = first or error, one_before(path)
            continue
        if str(path) != named:
            reason = (
                first
                or f"the last checkpoint, {named!r} in {work_dir}/last_checkpoint, is not there"
            )
            print_log(f"{reason}; resuming from {path}", logger="current", level=logging.WARNING)
        return str(path)
    raise first or FileNotFoundError(
        f"--resume: {work_dir}/last_checkpoint names {named!r}, which is not there, and {work_dir} "
        f"has no other checkpoint; "
        "give one with --resume FILE, or train anew without it"
    )


def _found(work_dir: Path, named: str) -> Path | None:
    """The named file, or the one of this name in a folder that was moved, or the newest of the folder."""
    if named:
        for path in (Path(named), work_dir / Path(named).name):
            if path.is_file():
                return path
    return newest(work_dir)
