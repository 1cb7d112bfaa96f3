"""YOLO: a text file beside each image, with class, centre and size as shares of its sides.

Convention: shares are of the image as a viewer shows it, turned by its EXIF orientation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mmisr.datasets.formats.records import AnnotatedBox, AnnotatedImage, Options, Split, Tally
from mmisr.datasets.formats.source import (
    FormatError,
    Line,
    around,
    by_stem,
    check_classes,
    first_of,
    read_lines,
    read_text,
)

LISTS = ("train", "val", "test")
NAMES = ("classes.txt", "obj.names", "labels/classes.txt")
"""Files with a class a line, where there is no yaml file."""

SLACK = 0.01
"""How far beyond 0 and 1 a share may lie: tools round. More is another unit."""

RULE = "a line must be a class and four shares: x and y of the centre, width, height"


def splits(source: Path, options: Options) -> list[Split]:
    """What ``data.yaml`` lists; without one, the folders of ``images``, or ``all``.

    Images without a label file have no boxes; a split ``test`` without any is left out.

    Args:
        source: The folder of the set.
        options: Its ``encoding``, ``classes`` and ``polygons`` are read.

    Raises:
        FormatError: There are no images, no names of classes or one twice, or nothing is
            annotated.
    """
    description = _description(source, options)
    classes = options.classes or _classes(source, description, options)
    check_classes(classes, "--classes" if options.classes else source)
    found = []
    for name, images in _lists(source, description, options).items():
        labels = {path: _label_of(path) for path in images}
        there = [label for label in labels.values() if label.is_file()]
        if there:
            found.append(_split(name, labels, classes, options))
        elif name != "test":  # which is often published without
            missing = next(iter(labels.values()))
            raise FormatError(
                f"{missing} must hold the boxes of its image, found no label "
                f"file for any of the {len(images)} images of {name}. Labels lie in `labels` as "
                f"images lie in `images`"
            )
    return found


def _description(source: Path, options: Options) -> dict[str, Any]:
    """The yaml file of the set, or nothing."""
    for path in sorted([*source.glob("*.yaml"), *source.glob("*.yml")]):
        try:
            content = yaml.safe_load(read_text(path, options.encoding))
        except yaml.YAMLError as error:
            raise FormatError(f"{path} must be a YAML file: {error}. Mend it") from error
        if isinstance(content, dict) and "names" in content:
            return content
    return {}


def _classes(source: Path, description: dict[str, Any], options: Options) -> tuple[str, ...]:
    names = description.get("names")
    if isinstance(names, dict):
        places = list(range(len(names)))
        if sorted(names) != places:
            raise FormatError(
                f"{source}: `names` must count its classes from 0 without gaps, found "
                f"{sorted(names)}. Mend the yaml file"
            )
        names = [names[place] for place in places]
    if isinstance(names, list):
        return tuple(str(name) for name in names)
    listed = first_of(source, NAMES, "the names of the classes (or say them in --classes)")
    return tuple(line.text for line in read_lines(listed, options.encoding))


def _lists(source: Path, description: dict[str, Any], options: Options) -> dict[str, list[Path]]:
    """The images of every split."""
    found = {}
    for name in LISTS:
        entry = description.get(name)
        if entry:
            entries = list(map(str, entry)) if isinstance(entry, list) else [str(entry)]
            found[name] = _named(source, description, entries, options)
    if found:
        return found
    folder = first_of(source, ["images"], "the images")
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            images = by_stem(path, path.name)
            found[path.name] = list(images.values())
    if not found:
        images = by_stem(folder, "the set")
        found["all"] = list(images.values())
    return found


def _named(
    source: Path, description: dict[str, Any], entries: Sequence[str], options: Options
) -> list[Path]:
    """The images of the folders and lists that a yaml file names for a split."""
    images: list[Path] = []
    for entry in entries:
        # `path` is where the set lay on another disk, more often than not.
        stated = description.get("path", ".")
        inside = entry.removeprefix("../").removeprefix("./")
        candidates = [inside, entry, f"{stated}/{entry}"]
        path = first_of(source, candidates, "what data.yaml lists")
        if path.is_dir():
            images += by_stem(path, entry).values()
        else:
            images += _listed(read_lines(path, options.encoding))
    return images


def _listed(lines: Sequence[Line]) -> list[Path]:
    """The images of a list, whose names begin where it lies."""
    images: dict[Path, None] = {}
    for line in lines:
        image = first_of(line.path.parent, [line.text], f"line {line.number} of {line.path.name}")
        if image in images:
            raise line.error("an image must be listed once", line.text, "Remove the second")
        images[image] = None
    return list(images)


def _split(
    name: str, labels: dict[Path, Path], classes: tuple[str, ...], options: Options
) -> Split:
    load = partial(_boxes, classes=classes, options=options)

    def read(tally: Tally) -> Iterator[AnnotatedImage]:
        for path, label in labels.items():
            if not label.is_file():
                tally.note("image without a label file, kept without boxes")
            yield AnnotatedImage(path, tuple(load(label, tally)), shares=True)

    return Split(name, classes, len(labels), read, tuple(labels.values()))


def _label_of(image: Path) -> Path:
    """The text file of an image: in ``labels`` where it is in ``images``, or beside it."""
    parts = list(image.parts)
    for place in reversed(range(len(parts))):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _boxes(
    label: Path, tally: Tally, classes: tuple[str, ...], options: Options
) -> Iterator[AnnotatedBox]:
    if not label.is_file():
        return
    for line in read_lines(label, options.encoding):
        yield _box(line, tally, classes, options)


def _box(line: Line, tally: Tally, classes: tuple[str, ...], options: Options) -> AnnotatedBox:
    words = line.text.split()
    shares = line.numbers(words[1:], RULE)
    if len(shares) != 4:
        shares = _around(line, shares, options)
        tally.note("polygon, taken as the box around it")
    if not all(-SLACK <= share <= 1 + SLACK for share in shares):
        raise line.error(
            "shares of an image must lie between 0 and 1",
            line.text,
            "These may be pixels: divide them by the sides of the image",
        )
    x, y, w, h = shares
    name = _class(line, words[0], classes)
    left = x - w / 2
    top = y - h / 2
    return AnnotatedBox(name, (left, top, w, h))


def _around(line: Line, shares: list[float], options: Options) -> list[float]:
    """Centre and size of the upright box around a polygon or a turned box."""
    corners, odd = divmod(len(shares), 2)
    if corners < 3 or odd:
        raise line.error(
            RULE, line.text, "Files of results have scores behind the boxes: take annotations"
        )
    if options.polygons == "error":
        kind = "a turned box" if corners == 4 else f"a polygon of {corners} corners"
        raise line.error(RULE, kind, "Take the upright boxes around them: --polygons boxes")
    left, top, width, height = around(shares)
    return [left + width / 2, top + height / 2, width, height]


def _class(line: Line, word: str, classes: tuple[str, ...]) -> str:
    if word.isdigit() and int(word) < len(classes):
        return classes[int(word)]
    raise line.error(
        f"a class must be a whole number from 0 to {len(classes) - 1}, as {len(classes)} are named",
        word,
        "Name all classes, in data.yaml or --classes",
    )
