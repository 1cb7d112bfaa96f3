"""Sets that come as COCO files: TinyPerson, AI-TOD, SODA-D, and COCO itself.

They are read by the one reader of COCO files; what they say beyond COCO becomes the flags that
protocols read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mmisr.datasets.coco_checks import first
from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.coco_values import box_numbers, shown
from mmisr.datasets.formats.records import (
    REGION,
    AnnotatedBox,
    AnnotatedImage,
    Options,
    Published,
    Split,
    Tally,
)
from mmisr.datasets.formats.source import FormatError, first_of

FLAGS = ("iscrowd", "ignore", "uncertain")
"""Keys of an annotation that are kept beside its box."""

ATTRIBUTES = ("logo", "in_dense_image")
"""Keys that are kept under ``attributes``."""


@dataclass(frozen=True)
class Side:
    """Where one split lies.

    Args:
        files: Where its annotation file may lie.
        folders: Where its images may lie.
        published: Its size, where it is known.
        needed: Whether an archive without it is half unpacked.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]
    published: Published | None = None
    needed: bool = True


@dataclass(frozen=True)
class CocoSet:
    """A data set that comes as COCO files.

    Args:
        title: What people call it.
        sides: Its splits by name.
        classes: Names of the classes in order; empty for those of the file.
        renamed: Classes of the files that count as another one.
        regions: A class that marks regions in which nothing counts.
        rival: What the annotation files of another version are called, and what that is.
    """

    title: str
    sides: Mapping[str, Side]
    classes: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    regions: str | None = None
    rival: tuple[str, str] | None = None


def _aitod_folders(name: str) -> tuple[str, ...]:
    return (f"images/{name}/images", f"images/{name}", f"{name}/images", name)


def _aitod(title: str, pattern: str, annotations: Mapping[str, int | None]) -> dict[str, Side]:
    """The splits of AI-TOD, whose two versions annotate the same images."""
    longer = {"train": "training", "val": "validation"}
    images = {"train": 11214, "val": 2804, "trainval": 14018, "test": 14018}
    sides = {}
    for name, count in images.items():
        files = {pattern.format(name), pattern.format(longer.get(name, name))}
        sides[name] = Side(
            tuple(f"annotations/{file}" for file in sorted(files)),
            _aitod_folders(name),
            Published(count, title, annotations.get(name)),
            needed=name == "test",
        )
    return sides


AITOD_CLASSES = (
    "airplane",
    "bridge",
    "storage-tank",
    "ship",
    "swimming-pool",
    "vehicle",
    "person",
    "wind-mill",
)

AITOD = CocoSet(
    "AI-TOD",
    _aitod("AI-TOD", "aitod_{}_v1.json", {"trainval": 353004, "test": 347617}),
    AITOD_CLASSES,
    rival=("aitodv2_*.json", "AI-TOD-v2 (format aitodv2)"),
)

AITODV2 = CocoSet(
    "AI-TOD-v2",
    _aitod("AI-TOD-v2", "aitodv2_{}.json", {}),
    AITOD_CLASSES,
    rival=("aitod_*_v1.json", "AI-TOD (format aitod)"),
)

TINYPERSON = CocoSet(
    "TinyPerson",
    {
        "train": Side(
            ("annotations/tiny_set_train.json",),
            ("train",),
            Published(746, "TinyPerson, without dense images"),
        ),
        "train_erased": Side(
            ("erase_with_uncertain_dataset/annotations/tiny_set_train.json",),
            ("erase_with_uncertain_dataset/train",),
            Published(746, "TinyPerson, without dense images"),
            needed=False,
        ),
        "test": Side(
            ("annotations/task/tiny_set_test_all.json", "annotations/tiny_set_test.json"),
            ("test",),
            Published(786, "TinyPerson, without dense images"),
        ),
    },
    ("person",),
    renamed={"sea_person": "person", "earth_person": "person"},
)

SODAD = CocoSet(
    "SODA-D",
    {
        name: Side(
            (f"Annotations/{name}.json", f"rawData/{name}/Annotations/{name}.json"),
            (f"Images/{name}", "Images", f"rawData/{name}/Images"),
        )
        for name in ("train", "val", "test")
    },
    (
        "people",
        "rider",
        "bicycle",
        "motor",
        "vehicle",
        "traffic-sign",
        "traffic-light",
        "traffic-camera",
        "warning-cone",
    ),
    regions="ignore",
)

COCO = CocoSet(
    "COCO 2017",
    {
        "train": Side(
            ("annotations/instances_train2017.json",),
            ("train2017",),
            Published(118287, "COCO 2017"),
            needed=False,
        ),
        "val": Side(
            ("annotations/instances_val2017.json",), ("val2017",), Published(5000, "COCO 2017")
        ),
    },
)


def splits(kind: CocoSet, source: Path, options: Options) -> list[Split]:
    """The splits of a set that are there.

    Args:
        kind: Which set.
        source: Its folder.
        options: Nothing of it is read: JSON says itself how it is encoded.

    Raises:
        FormatError: A file is missing or of another version, names repeat, or boxes are not boxes.
        ValueError: A file is no COCO file.
    """
    _check_version(kind, source)
    found = []
    for name, side in kind.sides.items():
        if side.needed or _there(source, side.files):
            split = _split(kind, name, side, source)
            found.append(split)
    return found


def _there(source: Path, names: Iterable[str]) -> bool:
    return any((source / name).is_file() for name in names)


def _check_version(kind: CocoSet, source: Path) -> None:
    if kind.rival is None:
        return
    pattern, other = kind.rival
    names: list[str] = []
    for side in kind.sides.values():
        names += side.files
    rivals = sorted(source.glob(f"annotations/{pattern}"))
    if rivals and not _there(source, names):
        raise FormatError(
            f"{source}: annotations must be those of {kind.title}, such as {names[0]}, found "
            f"{rivals[0].name} of {other}. Convert it as that, or get the other annotations"
        )


def _split(kind: CocoSet, name: str, side: Side, source: Path) -> Split:
    path = first_of(source, side.files, f"the {name} annotations of {kind.title}")
    folder = first_of(source, side.folders, f"the {name} images of {kind.title}")
    content = read_annotations(str(path))
    classes = _classes(kind, path, content)
    images = content["images"]
    _check_images(path, folder, images)
    by_image = defaultdict(list)
    for annotation in content["annotations"]:
        by_image[annotation["image_id"]].append(annotation)
    names = _names(kind, content)
    load = partial(_box, kind, path, names)

    def read(tally: Tally) -> Iterator[AnnotatedImage]:
        for image in images:
            boxes = []
            number = image["id"]
            for annotation in by_image[number]:
                box = load(annotation, tally)
                boxes.append(box)
            path = folder / image["file_name"]
            wh = (image["width"], image["height"])
            yield AnnotatedImage(path, tuple(boxes), number, wh)

    return Split(name, classes, len(images), read, (path,), side.published)


def _names(kind: CocoSet, content: dict[str, Any]) -> dict[Any, str]:
    """The class that each id stands for."""
    names = {}
    for category in content["categories"]:
        name = category["name"]
        names[category["id"]] = kind.renamed.get(name, name)
    return names


def _classes(kind: CocoSet, path: Path, content: dict[str, Any]) -> tuple[str, ...]:
    names = list(_names(kind, content).values())
    if not kind.classes:
        return tuple(names)
    others = set(names) - {*kind.classes, kind.regions}
    absent = set(kind.classes) - set(names)
    if others or absent:
        raise FormatError(
            f"{path}: classes must be those of {kind.title}, {first(list(kind.classes))}; found "
            f"{first(names)}. It is another set, or another version of it"
        )
    return kind.classes


def _check_images(path: Path, folder: Path, images: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    missing = []
    for image in images:
        name = image["file_name"]
        if "corner" in image:
            raise FormatError(
                f"{path}: images must be whole, found pieces (`corner` of {name}). Take the file "
                f"outside of `corner`: pieces are cut while training"
            )
        if name in seen:
            raise FormatError(
                f"{path}: names of images must differ, found {name} twice. Remove one, with its "
                f"boxes"
            )
        seen.add(name)
        if not (folder / name).is_file():
            missing.append(name)
    if missing:
        raise FormatError(
            f"{folder} must hold the {len(images)} images of {path.name}, {len(missing)} are "
            f"missing: {first(missing)}. The archive is half unpacked or another: unpack it again"
        )


def _box(
    kind: CocoSet, path: Path, names: dict[Any, str], annotation: dict[str, Any], tally: Tally
) -> AnnotatedBox:
    name = names[annotation["category_id"]]
    xywh = _xywh(path, annotation)
    if name == kind.regions:
        tally.note(f"ignored region (class {name})")
        return AnnotatedBox(kind.classes[0], xywh, REGION)
    flags = {}
    for key in FLAGS:
        if annotation.get(key):
            flags[key] = 1
    if "uncertain" in flags:
        # What nobody could tell counts for nothing, whichever tool reads the file.
        flags["ignore"] = 1
    for key in flags:
        tally.note(key)
    attributes = {key: annotation[key] for key in ATTRIBUTES if key in annotation}
    area = annotation.get("area")
    return AnnotatedBox(name, xywh, flags, attributes, area)


def _xywh(path: Path, annotation: dict[str, Any]) -> tuple[float, float, float, float]:
    numbers = box_numbers(annotation.get("bbox"))
    if numbers is not None:
        x, y, w, h = numbers
        return x, y, w, h
    found = annotation.get("bbox", annotation.get("poly"))
    kinds = {5: "a turned box", 8: "four corners"}
    kind = kinds.get(len(found), "") if isinstance(found, list) else ""
    raise FormatError(
        f"{path}, annotation {annotation['id']}: `bbox` must be left, top, width, height, found "
        f"{kind} {shown(found)}. Write upright boxes: this reads no others"
    )
