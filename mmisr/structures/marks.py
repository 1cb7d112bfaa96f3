"""What a data set says of an annotation beside its box and class, as one number that travels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntFlag
from typing import Any


class Mark(IntFlag):
    """What an annotation is; several may hold.

    ``IGNORE``: an object that counts neither way. ``CROWD``: a region with many objects.
    ``REGION``: a region where nothing counts, whatever its class (VisDrone's). ``UNCERTAIN``
    (TinyPerson), ``DIFFICULT`` (PASCAL VOC). ``EASY``, ``MEDIUM`` and ``HARD``: a face is in this
    subset (WIDER FACE).
    """

    IGNORE = 1
    CROWD = 2
    REGION = 4
    UNCERTAIN = 8
    DIFFICULT = 16
    EASY = 32
    MEDIUM = 64
    HARD = 128


FLAGS = {
    "iscrowd": Mark.CROWD,
    "ignore": Mark.IGNORE,
    "ignored_region": Mark.REGION,
    "uncertain": Mark.UNCERTAIN,
    "difficult": Mark.DIFFICULT,
}
"""Keys of an annotation in a COCO file that are 0 or 1."""

SUBSETS = {"easy": Mark.EASY, "medium": Mark.MEDIUM, "hard": Mark.HARD}
"""What the key ``subsets`` of an annotation may list."""


def marks_of(annotation: Mapping[str, Any]) -> int:
    """The marks of an entry of a COCO file.

    Args:
        annotation: The entry; keys of :data:`FLAGS` that are true count, and ``subsets``.

    Returns:
        The sum of its :class:`Mark`; 0 for an object like any other.

    Example:
        >>> marks_of({"bbox": [0, 0, 4, 4], "iscrowd": 1, "subsets": ["hard"]})
        130
    """
    marks = 0
    for key, mark in FLAGS.items():
        if annotation.get(key):
            marks |= mark
    for name in annotation.get("subsets") or ():
        marks |= SUBSETS[name]
    return int(marks)


def subset_names(value: Any) -> Sequence[str]:
    """The names of subsets that an annotation lists.

    Raises:
        ValueError: It is no list, or something in it is no subset.
    """
    if not isinstance(value, (list, tuple)) or not all(name in SUBSETS for name in value):
        raise ValueError("no list of subsets")
    return list(value)
