"""A fixed detector that teaches."""

from __future__ import annotations

import copy

from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.detector import BaseDetector
from mmisr.openmmlab.loading import load_into


def build_teacher(detector: BaseDetector, checkpoint: str | None, what: str) -> BaseDetector:
    """A fixed detector of the same architecture, with weights of its own.

    Args:
        detector: The student.
        checkpoint: File of the teacher's weights: of a detector alone, or of a pair.
        what: Who needs it, for the message.

    Raises:
        ValueError: There is no checkpoint, or it is of another architecture or class count.
    """
    if not checkpoint:
        raise ValueError(
            f"{what} needs a teacher: teacher=FILE, the checkpoint of this detector trained on HR "
            "images (tools/train.py with a config that feeds them, mmisr.FeedHR)"
        )
    return loaded_copy(detector, checkpoint)


def loaded_copy(detector: BaseDetector, checkpoint: str) -> BaseDetector:
    """A detector of the same architecture with weights from a file.

    Args:
        detector: Whose architecture it has.
        checkpoint: Of a detector alone, or of a pair.

    Raises:
        ValueError: It is of another architecture or class count.
    """
    copied = copy.deepcopy(detector)
    load_into(copied, load_state(checkpoint), checkpoint, ("detector.",))
    return copied
