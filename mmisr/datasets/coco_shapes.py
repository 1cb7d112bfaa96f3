"""Masks and keypoints of a COCO file.

They are read before an export begins rather than after its last image is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mmisr.datasets.coco_file import Faults
from mmisr.datasets.coco_values import numbers, shown

Hw = tuple[int, int]

SLACK = 20
"""Levels of nesting to spare.

What is written is written from deeper in the program than it is tried.
"""


def read_shapes(content: dict[str, Any], hw_of: Mapping[Any, Hw], ann_file: str) -> None:
    """See that all that is scaled with an image can be, and that the file can be written again.

    Args:
        content: As :func:`mmisr.datasets.coco_file.read_annotations` gives it; text in polygons and
            keypoints is replaced by the numbers that it spells, null is taken out.
        hw_of: Height and width in pixels of the images that are exported, by id; annotations of
            other images are not looked at.
        ann_file: The file's name, for the error.

    Raises:
        ValueError: A mask, a polygon or a list of keypoints is none, or a mask is of another size
            than its image.
    """
    faults = Faults(ann_file)
    for annotation in content["annotations"]:
        hw = hw_of.get(annotation["image_id"])
        if hw is None:
            continue
        for key, read in (("segmentation", _segmentation), ("keypoints", _keypoints)):
            if annotation.get(key) is None:
                annotation.pop(key, None)
                continue
            try:
                annotation[key] = read(annotation[key], hw)
            except ValueError as error:
                faults.note(
                    f"`{key}` must be {RULES[key]}; {{}} are not",
                    f"annotation {annotation['id']!r}: {error}",
                )
    faults.end()
    try:
        trial: Any = content
        for _ in range(SLACK):
            trial = [trial]
        json.dumps(trial)
    except RecursionError as error:
        raise ValueError(
            f"{ann_file} must be a COCO file: its brackets nest too deep to be written again"
        ) from error


RULES = {
    "segmentation": "a list of polygons (x, y, x, y, ...) or a run-length mask of the size of its "
    "image",
    "keypoints": "a list of x, y, visibility, ...",
}


def _segmentation(value: Any, hw: Hw) -> Any:
    if isinstance(value, Mapping):
        return _mask(value, hw)
    if not isinstance(value, list):
        raise ValueError(f"found {shown(value)}")
    try:
        return [numbers(polygon) for polygon in value]
    except ValueError:
        raise ValueError(f"found {shown(value)}") from None


def _mask(value: Mapping[str, Any], hw: Hw) -> Any:
    if not value:
        return value
    size = value.get("size")
    counts = value.get("counts")
    try:
        has_size_of_image = tuple(numbers(size)) == hw
        runs = _runs_of_text(counts) if isinstance(counts, str) else numbers(counts)
    except ValueError:
        raise ValueError(f"size {shown(size)}, counts {shown(counts)}") from None
    if not has_size_of_image:
        raise ValueError(f"a mask must have the size of its image, {hw} (h, w), found {size}")
    are_counts = all(run >= 0 and run == int(run) for run in runs)
    if not are_counts or sum(runs) != hw[0] * hw[1]:
        raise ValueError(
            f"run lengths must add up to {hw[0]} x {hw[1]} pixels, got {shown(sum(runs))}"
        )
    if not isinstance(counts, str):
        counts = [int(run) for run in runs]
    return {**value, "size": list(hw), "counts": counts}


def _runs_of_text(text: str) -> list[int]:
    """The run lengths in COCO's compressed form.

    It has five bits per character, low ones first; from the third run on, the difference to the one
    before the last. It is looked at here because the C code that decodes it trusts it.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError(f"no run length: {shown(text)}")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError(f"cut off: {shown(text)}")
    return runs


def _keypoints(value: Any, hw: Hw) -> list[float]:
    try:
        coordinates = numbers(value)
    except ValueError:
        raise ValueError(f"found {shown(value)}") from None
    if len(coordinates) % 3:
        raise ValueError(f"found {shown(value)}")
    return coordinates
