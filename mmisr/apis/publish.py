"""Make a small checkpoint to hand on: one part of a model, without optimiser state."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.loading import TRAINING_ONLY
from mmisr.ops.files import write_bytes


def publish(
    source: str | Path, target: str | Path, part: str | None = None, half: bool = False
) -> str:
    """Write the weights of a model, or of one of its parts.

    Those of a training strategy are left out.

    Args:
        source: A checkpoint of a training run.
        target: The file to write.
        part: Keep only the weights behind this prefix (``detector``, ``editor``), without it; None
            keeps all.
        half: Store floating-point weights in 16 bits; loading casts them back.

    Returns:
        One line for the terminal.

    Raises:
        ValueError: No weight has the prefix.
    """
    state = {
        name: value
        for name, value in load_state(source).items()
        if not name.startswith(TRAINING_ONLY)
    }
    prefix = "" if part is None else f"{part}."
    kept = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    if not kept:
        raise ValueError(
            f"checkpoint {source} has no weights of the part {part!r}; its names begin with "
            f"{next(iter(state))!r}"
        )
    if half:
        kept = {k: v.half() if v.is_floating_point() else v for k, v in kept.items()}
    buffer = io.BytesIO()  # a file would be named inside after its temporary name
    torch.save({"state_dict": kept}, buffer)
    write_bytes(Path(target), buffer.getvalue())
    return f"wrote {target}: {len(kept)} tensors, {Path(target).stat().st_size / 2**20:.2f} MiB"
