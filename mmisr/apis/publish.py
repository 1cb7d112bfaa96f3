"""What ``tools/publish_model.py`` does: a small checkpoint of one part, without optimiser state."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.loading import TRAINING_ONLY
from mmisr.ops.files import write_bytes


@dataclass(frozen=True)
class Published:
    """The file that was written.

    Args:
        path: Where it lies.
        num_tensors: Number of tensors in it.
        num_bytes: Its size in bytes.
    """

    path: Path
    num_tensors: int
    num_bytes: int


def publish(
    source: str | Path, target: str | Path, part: str | None = None, half: bool = False
) -> Published:
    """Write the weights of a model, or of one of its parts.

    Those of a training strategy are left out.

    Args:
        source: A checkpoint of a training run.
        target: The file to write.
        part: Keep only the weights behind this prefix (``detector``, ``editor``), without it; None
            keeps all.
        half: Store floating-point weights in 16 bits; loading casts them back.

    Returns:
        The file.

    Raises:
        ValueError: No weight has the prefix.
    """
    state = load_state(source)
    prefix = "" if part is None else f"{part}."
    weights = {}
    names = []
    for name, weight in state.items():
        if name.startswith(TRAINING_ONLY):
            continue
        names.append(name)
        if name.startswith(prefix):
            weights[name.removeprefix(prefix)] = _halved(weight) if half else weight
    if not weights:
        raise ValueError(
            f"checkpoint {source} has no weights of the part {part!r}; its names begin with "
            f"{names[0]!r}"
        )
    buffer = io.BytesIO()  # a file would be named inside after its temporary name
    torch.save({"state_dict": weights}, buffer)
    path = Path(target)
    content = buffer.getvalue()
    write_bytes(path, content)
    return Published(path, len(weights), len(content))


def _halved(weight: Tensor) -> Tensor:
    return weight.half() if weight.is_floating_point() else weight
