"""Pascal VOC: an XML file of boxes an image, and lists of the images of each split.

Convention: VOC counts pixels from 1 and both edges belong to a box, so xmin=1, xmax=8 are the eight
first columns: left 0, width 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from mmisr.datasets.coco_values import number
from mmisr.datasets.formats.records import (
    AnnotatedBox,
    AnnotatedImage,
    Options,
    Published,
    Split,
    Tally,
)
from mmisr.datasets.formats.source import (
    FormatError,
    Line,
    by_stem,
    check_classes,
    check_pairs,
    first_of,
    known_class,
    read_lines,
    read_text,
)

CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""Of the challenges 2007 to 2012."""

LISTS = ("train", "val", "trainval", "test")
EDGES = ("xmin", "ymin", "xmax", "ymax")
ATTRIBUTES = ("truncated", "occluded", "pose")
AS_ANY = "convert the folder that holds `Annotations` as format voc, with"
"""A way out for the challenges too, which take no options of their own."""

PUBLISHED = {
    "VOC2007": {
        "trainval": Published(5011, "VOC2007"),
        "test": Published(4952, "VOC2007"),
    },
    "VOC2012": {
        "train": Published(5717, "VOC2012"),
        "val": Published(5823, "VOC2012"),
        "trainval": Published(11540, "VOC2012"),
    },
}


def challenge_splits(year: str, source: Path, options: Options) -> list[Split]:
    """The splits of one year's challenge that are there.

    Args:
        year: ``VOC2007`` or ``VOC2012``.
        source: ``VOCdevkit``, or the folder of the year itself.
        options: Its ``encoding`` is read.
    """
    root = source
    if not (root / "Annotations").is_dir():
        root = first_of(source, [year, f"VOCdevkit/{year}"], f"the folder of {year}")
    plain = Options(encoding=options.encoding, classes=CLASSES)
    found = _listed(root, plain, PUBLISHED[year], year)
    if not found:
        raise FormatError(
            f"{root}/ImageSets/Main must hold train.txt, val.txt or test.txt, found none of them. "
            f"Unpack the archive again"
        )
    return found


def splits(source: Path, options: Options) -> list[Split]:
    """Any folder of VOC's layout: the splits of ``ImageSets/Main``, or ``all`` where there is none.

    A split ``test`` without any annotation file is left out.

    Args:
        source: Folder with ``Annotations`` and ``JPEGImages`` or ``images``.
        options: Its ``encoding``, ``classes`` and ``first_pixel`` are read.
    """
    images, labels, folder, label_dir = _files(source)
    if not options.classes:
        options = replace(options, classes=_names_in(labels.values(), options))
    check_classes(options.classes, "--classes")
    found = _listed(source, options, {}, None)
    if found:
        return found
    check_pairs(images, labels, folder, label_dir)
    return [_split("all", list(images), source, options, None, None)]


def _files(root: Path) -> tuple[dict[str, Path], dict[str, Path], Path, Path]:
    folder = first_of(root, ["JPEGImages", "images"], "the images")
    label_dir = first_of(root, ["Annotations", "annotations"], "the annotations")
    labels = {path.stem: path for path in sorted(label_dir.glob("*.xml"))}
    return by_stem(folder, "the set"), labels, folder, label_dir


def _listed(
    root: Path, options: Options, published: Mapping[str, Published], year: str | None
) -> list[Split]:
    found = []
    for name in LISTS:
        path = root / "ImageSets/Main" / f"{name}.txt"
        if path.is_file():
            stems = _stems(read_lines(path, options.encoding))
            # The annotations of `test` are often not published.
            if name == "test" and not _annotated(root, stems):
                continue
            split = _split(name, stems, root, options, published.get(name), year)
            found.append(split)
    return found


def _annotated(root: Path, stems: Iterable[str]) -> bool:
    _, labels, _, _ = _files(root)
    return any(stem in labels for stem in stems)


def _stems(lines: Sequence[Line]) -> list[str]:
    stems: dict[str, None] = {}
    for line in lines:
        stem = line.text.split()[0]
        if stem in stems:
            raise line.error("an image must be listed once", stem, "Remove the second")
        stems[stem] = None
    return list(stems)


def _split(
    name: str,
    stems: list[str],
    root: Path,
    options: Options,
    published: Published | None,
    year: str | None,
) -> Split:
    images, labels, folder, label_dir = _files(root)
    # A list names some of the images, and each of them needs both files.
    check_pairs(stems, set(images) & set(stems), root / "ImageSets/Main", folder)
    check_pairs(stems, set(labels) & set(stems), root / "ImageSets/Main", label_dir)
    load = partial(_image, options=options, year=year)

    def read(tally: Tally) -> Iterator[AnnotatedImage]:
        for stem in stems:
            yield load(images[stem], labels[stem], tally)

    files = tuple(labels[stem] for stem in stems)
    return Split(name, options.classes, len(stems), read, files, published)


def _names_in(paths: Iterable[Path], options: Options) -> tuple[str, ...]:
    """The classes that the files of a folder name, in the order of the alphabet."""
    names = set()
    for path in paths:
        root, _ = _parse(path, options.encoding)
        for found in root.findall("object"):
            names.add(found.findtext("name", "").strip())
    return tuple(sorted(names - {""}))


def _parse(path: Path, encoding: str | None) -> tuple[ElementTree.Element, list[int]]:
    """The content of an XML file, and the lines on which its objects begin."""
    content = path.read_bytes()
    if encoding is not None:
        content = read_text(path, encoding).encode()
    # Without it the parser reads the mark, and the encoding that the first line may name.
    stated = None if encoding is None else "utf-8"
    lines: list[int] = []
    counter = expat.ParserCreate(stated)

    def begin(name: str, attributes: dict[str, Any]) -> None:
        if name == "object":
            lines.append(counter.CurrentLineNumber)

    counter.StartElementHandler = begin
    try:
        counter.Parse(content, True)
        root = ElementTree.fromstring(content, ElementTree.XMLParser(encoding=stated))
    except (expat.ExpatError, ElementTree.ParseError) as error:
        raise FormatError(
            f"{path} must be an XML file, found: {error}. It is damaged, or encoded otherwise than "
            f"it says: say how (--encoding latin-1)"
        ) from error
    return root, lines


def _image(
    path: Path,
    label: Path,
    tally: Tally,
    options: Options,
    year: str | None,
) -> AnnotatedImage:
    root, lines = _parse(label, options.encoding)
    stated = root.findtext("folder", "").strip()
    if year is not None and stated in PUBLISHED and stated != year:
        raise FormatError(
            f"{label} must be an annotation of {year}, found one of {stated}. Convert it as "
            f"{stated.lower()}, or get {year}"
        )
    boxes = []
    for number_of_line, found in zip(lines, root.iter("object"), strict=True):
        where = Line(label, number_of_line, found.findtext("name", "").strip())
        boxes.append(_box(found, where, options, tally))
    return AnnotatedImage(path, tuple(boxes), wh=_stated_wh(root))


def _stated_wh(root: ElementTree.Element) -> tuple[int, int] | None:
    """Width and height, where the file says them; some tools write 0."""
    try:
        width = int(root.findtext("size/width", ""))
        height = int(root.findtext("size/height", ""))
    except ValueError:
        return None
    return (width, height) if width > 0 and height > 0 else None


def _box(found: ElementTree.Element, where: Line, options: Options, tally: Tally) -> AnnotatedBox:
    name = where.text
    known_class(where, name, options.classes, f"Mend the file, or {AS_ANY} the list in --classes")
    xywh = _xywh(found, where, options)
    flags = {}
    if found.findtext("difficult", "0").strip() == "1":
        tally.note("difficult")
        flags = {"difficult": 1}
    attributes = {key: text for key in ATTRIBUTES if (text := found.findtext(key)) is not None}
    return AnnotatedBox(name, xywh, flags, attributes)


def _xywh(
    found: ElementTree.Element, where: Line, options: Options
) -> tuple[float, float, float, float]:
    edges = found.find("bndbox")
    if edges is None:
        kinds = [child.tag for child in found if child.tag in ("robndbox", "polygon", "mask")]
        raise where.error(
            "an object must have a `bndbox`",
            kinds or "none",
            "Turned boxes and polygons have no upright box in the file: write them as `bndbox`",
        )
    try:
        left, top, right, bottom = (number(edges.findtext(edge, "")) for edge in EDGES)
    except ValueError as error:
        rule = f"`bndbox` must hold the numbers {', '.join(EDGES)}"
        raise where.error(rule, ElementTree.tostring(edges, "unicode"), "Mend the file") from error
    start = options.first_pixel
    if min(left, top) < start:
        raise where.error(
            f"pixels must count from {start} on",
            (left, top, right, bottom),
            f"If the files count from 0, {AS_ANY} --first-pixel 0",
        )
    return (left - start, top - start, right - left + 1, bottom - top + 1)
