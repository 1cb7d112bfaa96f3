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
    teacher = copy.deepcopy(detector)
    load_into(teacher, load_state(checkpoint), checkpoint, ("detector.",))
    return teacher
