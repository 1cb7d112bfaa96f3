"""A checkpoint to start from, to test or to resume from can be read, and fits the model."""

from __future__ import annotations

import logging
from pathlib import Path

from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader, find_latest_checkpoint
from torch import Tensor, nn

from mmisr.openmmlab.checkpoints import (
    UnreadableCheckpoint,
    load_state,
    load_training,
    newest,
    one_before,
    weights_of,
)
from mmisr.openmmlab.loading import check_fit, load_into
from mmisr.pipeline.weights import unwrapped
from mmisr.structures.checks import fits


def check_checkpoint(model: nn.Module, path: str | Path) -> dict[str, Tensor]:
    """Read a checkpoint safely and load it.

    What does not fit is said before the run and not during it.

    Args:
        model: The model, or a wrapper of it (several processes, test-time augmentation).
        path: The checkpoint file.

    Returns:
        The weights.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, would run code, or belongs to another model.
    """
    state = load_state(path)
    load_into(unwrapped(model), state, path)
    return state


def check_start(model: nn.Module, path: str) -> None:
    """See that a run which starts from a file does start from it, see :func:`check_fit`.

    Args:
        model: The model, or a wrapper of it.
        path: ``load_from`` of the config: a file, or an address as mmengine takes it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, would run code, or nothing in it fits; what fits in part is a
            warning.
    """
    state = weights_of(CheckpointLoader.load_checkpoint(path, "cpu"), path)
    way_out = "for one part of a pair set model.checkpoints=dict(editor=..., detector=...) instead"
    check_fit(unwrapped(model), state, f"load_from={path}", way_out)


def check_resumable(model: nn.Module, path: str | Path) -> None:
    """Read a training checkpoint as mmengine will, and see that it belongs to this model.

    mmengine itself unpickles what it cannot read safely, and resumes with weights that do not fit;
    both end here.

    Args:
        model: The model, or a wrapper of it.
        path: The checkpoint file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, would run code, or belongs to another model.
    """
    check_checkpoint(model, path)
    content = load_training(path, "meta")
    meta = content.get("meta") if isinstance(content, dict) else None
    counts = meta if isinstance(meta, dict) else {}
    # A model file has no meta; without its counts mmengine would begin at step 0.
    wrong = [key for key in ("epoch", "iter") if not fits(counts.get(key), int)]
    if wrong:
        raise ValueError(
            f"checkpoint {path} is no state of a training that could go on: its meta has no whole "
            f"number in {wrong}; give the file that training wrote, or start a new training from "
            "its weights with load_from="
        )


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
    path: Path | None = _file_of(Path(work_dir), named)
    first: UnreadableCheckpoint | None = None
    while path is not None:
        try:
            load_training(path)
        except UnreadableCheckpoint as error:  # a run that was killed leaves such a file
            first = first or error
            path = one_before(path)
            continue
        if str(path) != named:
            gone = f"the last checkpoint, {named!r} in {work_dir}/last_checkpoint, is not there"
            text = f"{first or gone}; resuming from {path}"
            print_log(text, logger="current", level=logging.WARNING)
        return str(path)
    raise first or FileNotFoundError(
        f"--resume: {work_dir}/last_checkpoint names {named!r}, which is not there, and {work_dir} "
        "has no other checkpoint; give one with --resume FILE, or train anew without it"
    )


def _file_of(work_dir: Path, named: str) -> Path | None:
    """The named file, or the one of this name in a folder that was moved, or the newest there."""
    if named:
        for path in (Path(named), work_dir / Path(named).name):
            if path.is_file():
                return path
    return newest(work_dir)
