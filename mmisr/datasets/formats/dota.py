"""DOTA: four corners of every object in a text file an image; taken as the upright box around.

Source: captain-whu/DOTA_devkit. A line is x1 y1 x2 y2 x3 y3 x4 y4 class difficult, behind two lines
``imagesource:`` and ``gsd:``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from mmisr.datasets.formats.beside import Beside
from mmisr.datasets.formats.records import (
    AnnotatedBox,
    AnnotatedImage,
    Options,
    Published,
    Split,
    Tally,
)
from mmisr.datasets.formats.source import Line, around, first_of, known_class

V1_0 = (
    "plane",
    "baseball-diamond",
    "bridge",
    "ground-track-field",
    "small-vehicle",
    "large-vehicle",
    "ship",
    "tennis-court",
    "basketball-court",
    "storage-tank",
    "soccer-ball-field",
    "roundabout",
    "harbor",
    "swimming-pool",
    "helicopter",
)
V1_5 = (*V1_0, "container-crane")
V2_0 = (*V1_5, "airport", "helipad")
CLASSES = {"v1.0": V1_0, "v1.5": V1_5, "v2.0": V2_0}
"""Each version has the classes of the one before it, and more behind them."""

PUBLISHED = {
    ("v1.0", "train"): Published(1411, "DOTA-v1.0"),
    ("v1.0", "val"): Published(458, "DOTA-v1.0"),
    ("v1.5", "train"): Published(1411, "DOTA-v1.5"),
    ("v1.5", "val"): Published(458, "DOTA-v1.5"),
}

HEADS = ("imagesource:", "gsd:")
RULE = "a line must be eight coordinates, a class and 0 or 1 for difficult"


def splits(version: str, source: Path, options: Options) -> list[Split]:
    """``train`` and ``val``; the labels of ``test`` are not published.

    Args:
        version: One of :data:`CLASSES`.
        source: Folder of ``train`` and ``val``, each with ``images`` and its labels.
        options: Its ``encoding`` is read.
    """
    first_of(source, ["train", "val"], "DOTA")
    found = []
    for name in ("train", "val"):
        root = source / name
        if root.is_dir():
            found.append(_split(version, name, root, options))
    return found


def _split(version: str, name: str, root: Path, options: Options) -> Split:
    folder = first_of(root, ["images"], f"the images of {name}")
    of_version = f"labelTxt-{version}"
    places = [f"{of_version}/labelTxt", f"{of_version}/DOTA-{version}_{name}", of_version]
    places.append("labelTxt")
    label_dir = first_of(root, places, f"the labels of DOTA-{version}")
    beside = Beside(name, folder, label_dir, PUBLISHED.get((version, name)))
    split = beside.split(CLASSES[version], partial(_box, version), options)

    def read(tally: Tally) -> Iterator[AnnotatedImage]:
        seen = set()
        for image in split.read(tally):
            for box in image.boxes:
                seen.add(box.name)
            yield image
        _note_version(version, seen, tally)

    return replace(split, read=read)


def _note_version(version: str, seen: set[str], tally: Tally) -> None:
    """Labels in which no class of this version alone is seen may be an earlier one's.

    v1.0 and v1.5 have the same images, and a plain ``labelTxt`` does not say whose labels it holds.
    """
    for earlier, classes in CLASSES.items():
        if earlier == version:
            return
        if seen.issubset(classes):
            known = len(classes)
            later = CLASSES[version][known:]
            names = ", ".join(later)
            tally.note(f"no {names} seen: these may be the labels of DOTA-{earlier}")
            return


def _box(version: str, line: Line, tally: Tally) -> AnnotatedBox | None:
    if line.text.lower().startswith(HEADS):
        return None
    words = line.text.split()
    if len(words) not in (9, 10):
        raise line.error(RULE, line.text, "Unpack the labels again")
    name = words[8]
    _check_version(line, name, version)
    known_class(line, name, CLASSES[version], "Mend the line")
    corners = line.numbers(words[:8], RULE)
    left, top, width, height = around(corners)
    flags = {}
    if words[9:] == ["1"]:
        tally.note("difficult")
        flags = {"difficult": 1}
    return AnnotatedBox(name, (left, top, width, height), flags)


def _check_version(line: Line, name: str, version: str) -> None:
    for later, classes in CLASSES.items():
        if name in classes and name not in CLASSES[version]:
            raise line.error(
                f"labels must be those of DOTA-{version}",
                f"{name} of DOTA-{later}",
                f"Convert them as dota-{later}, or get the labels of {version}",
            )
