"""VisDrone-DET: a text file of boxes beside each image.

Source: VisDrone/VisDrone2018-DET-toolkit. A line is left, top, width, height, score, category,
truncation, occlusion. Category 0 is a region in which nothing counts, 11 something else; a score of
0 says that a box is not counted.
"""

from __future__ import annotations

from pathlib import Path

from mmisr.datasets.formats.beside import Beside
from mmisr.datasets.formats.records import (
    REGION,
    AnnotatedBox,
    Options,
    Published,
    Split,
    Tally,
)
from mmisr.datasets.formats.source import Line, first_of

CLASSES = (
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
)
"""Categories 1 to 10."""

REGIONS, OTHERS = 0, 11

PUBLISHED = {
    "train": Published(6471, "VisDrone2019-DET"),
    "val": Published(548, "VisDrone2019-DET"),
    "test-dev": Published(1610, "VisDrone2019-DET"),
}

RULE = (
    "a line must be eight whole numbers with commas: left, top, width, height, score, category, "
    "truncation, occlusion"
)


def splits(source: Path, options: Options) -> list[Split]:
    """Those of ``VisDrone2019-DET-{train,val,test-dev}`` that are there.

    Args:
        source: The folder that holds them.
        options: Its ``encoding`` is read.
    """
    folders = {}
    for name in PUBLISHED:
        folders[name] = f"VisDrone2019-DET-{name}"
    first_of(source, list(folders.values()), "unpacked archives of VisDrone-DET")
    found = []
    for name, folder in folders.items():
        root = source / folder
        if root.is_dir():
            found.append(_split(name, root, options))
    return found


def _split(name: str, root: Path, options: Options) -> Split:
    folder = first_of(root, ["images"], "the images of VisDrone-DET")
    label_dir = first_of(root, ["annotations"], "the annotations of VisDrone-DET")
    beside = Beside(name, folder, label_dir, PUBLISHED[name])
    return beside.split(CLASSES, _box, options)


def _box(line: Line, tally: Tally) -> AnnotatedBox | None:
    # Some files end their lines with a comma.
    words = line.text.rstrip(",").split(",")
    if len(words) != 8:
        raise line.error(RULE, line.text, "Other sets of VisDrone (VID, MOT) have other files")
    x, y, w, h, score, category, truncation, occlusion = line.numbers(words, RULE)
    xywh = (x, y, w, h)
    if category == REGIONS:
        tally.note("ignored region (category 0)")
        return AnnotatedBox(CLASSES[0], xywh, REGION)
    if category == OTHERS:
        tally.drop("category 11, others")
        return None
    if category not in range(1, OTHERS):
        raise line.error("a category must be 0 to 11", words[5], "Mend the line")
    flags = {}
    if score == 0:
        tally.note("box of score 0, to be ignored")
        flags = {"ignore": 1}
    attributes = {"truncation": truncation, "occlusion": occlusion}
    name = CLASSES[int(category) - 1]
    return AnnotatedBox(name, xywh, flags, attributes)
