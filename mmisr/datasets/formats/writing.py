"""From what a reader gives to one COCO file a split, written once and whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mmengine import fileio
from tqdm import tqdm

from mmisr.datasets.coco_checks import first
from mmisr.datasets.formats.records import (
    AnnotatedBox,
    AnnotatedImage,
    Published,
    Split,
    Tally,
)
from mmisr.datasets.formats.source import FormatError
from mmisr.datasets.images import check_annotated_size, check_file
from mmisr.datasets.prepare.tiles import is_complete, write_json

VERSION = "1"
"""Of the files we write; raised when their boxes change."""

MANY = 200
"""From this many images on, a progress bar is shown."""

OVERSHOOT = 1.0
"""Pixels by which a box may leave its image before it is worth a word."""

SMALLEST = 0.001
"""Boxes are written to a thousandth of a pixel; a narrower one has no area."""

MAX_PIXELS = 1 << 30
"""Satellite images are large, and here only their size is read."""

Done = Literal["written", "rewritten", "kept"]

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Report:
    """What became of a split.

    Args:
        split: Its name.
        path: The COCO file; None where nothing was to be converted.
        images: Number of images.
        boxes: Number of annotations written.
        empty: Images without any.
        dropped: Annotations that were left out, by reason.
        noted: Those that differ from the archive or from plain boxes, by kind.
        published: The published size, where it is known.
        done: Whether its file was written, was there and is written again because what it is made
            from has changed, or is kept as it was.
    """

    split: str
    path: Path | None
    images: int
    boxes: int
    empty: int
    dropped: Mapping[str, int]
    noted: Mapping[str, int]
    published: Published | None
    done: Done

    @property
    def fresh(self) -> bool:
        """Whether its file was written now."""
        return self.done != "kept"

    @property
    def differs(self) -> bool:
        """Whether it is not as large as published."""
        if self.published is None:
            return False
        read = self.boxes + sum(self.dropped.values())
        wanted = self.published.annotations
        if wanted is not None and wanted != read:
            return True
        return self.images != self.published.images

    def lines(self) -> list[str]:
        """What a terminal shows."""
        size = f"{self.images} images, {self.boxes} boxes, {self.empty} images without"
        verdict = self._against_published()
        lines = [f"{self.split}: {size}; {verdict}"]
        for reason, count in sorted(self.dropped.items()):
            lines.append(f"  dropped: {count} x {reason}")
        for kind, count in sorted(self.noted.items()):
            lines.append(f"  noted: {count} x {kind}")
        if self.path is not None:
            lines.append("  " + self._written())
        return lines

    def _written(self) -> str:
        if self.done == "kept":
            return f"{self.path} is there already; delete it to make it anew"
        if self.done == "rewritten":
            return f"wrote {self.path} again: what it is made from has changed"
        return f"wrote {self.path}"

    def _against_published(self) -> str:
        if self.published is None:
            return "no published count known"
        wanted = f"{self.published.images} images"
        if self.published.annotations is not None:
            wanted += f" and {self.published.annotations} annotations"
        verdict = "DIFFERS from" if self.differs else "as published"
        return f"{verdict}: {wanted} ({self.published.source})"


@dataclass
class _Content:
    """The lists of a COCO file while they grow.

    Args:
        classes: Names of the classes.
        tally: Counts what becomes of boxes.
    """

    classes: tuple[str, ...]
    tally: Tally
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def add(self, image: AnnotatedImage, source: Path) -> None:
        """One image with its boxes."""
        if not image.path.is_relative_to(source):
            raise FormatError(
                f"{image.path} must lie below {source}, where `file_name` of a COCO file begins. "
                f"Name a folder that holds all images of the set"
            )
        height, width = check_file(str(image.path), max_pixels=MAX_PIXELS)
        number = len(self.images) + 1 if image.number is None else image.number
        entry = {
            "id": number,
            "file_name": image.path.relative_to(source).as_posix(),
            "width": width,
            "height": height,
        }
        if image.wh is not None:
            stated = {"img_path": str(image.path), "width": image.wh[0], "height": image.wh[1]}
            check_annotated_size(stated, (height, width))
        self.images.append(entry)
        for box in image.boxes:
            xywh = box.xywh
            if image.shares:
                x, y, w, h = xywh
                xywh = (x * width, y * height, w * width, h * height)
            inside = clipped(xywh, (width, height), self.tally)
            if inside is not None:
                area = box.area if inside == xywh else None
                self._annotate(number, box, inside, area)

    def _annotate(self, image: int, box: AnnotatedBox, xywh: Box, area: float | None) -> None:
        rounded = [round(value, 3) for value in xywh]
        annotation = {
            "id": len(self.annotations) + 1,
            "image_id": image,
            "category_id": self.classes.index(box.name) + 1,
            "bbox": rounded,
            "area": rounded[2] * rounded[3] if area is None else area,
            "iscrowd": 0,
            **box.flags,
        }
        if box.attributes:
            annotation["attributes"] = dict(box.attributes)
        self.annotations.append(annotation)

    def content(self, version: str) -> dict[str, Any]:
        """The whole file."""
        categories = [{"id": n, "name": name} for n, name in enumerate(self.classes, 1)]
        info = {
            "mmisr": version,
            "dropped": dict(self.tally.dropped),
            "noted": dict(self.tally.noted),
        }
        return {
            "info": info,
            "images": self.images,
            "annotations": self.annotations,
            "categories": categories,
        }


def clipped(xywh: Box, wh: tuple[int, int], tally: Tally) -> Box | None:
    """A box inside its image, or None where it has no area there.

    Args:
        xywh: Left, top, width, height in pixels.
        wh: Width and height of the image.
        tally: Counts boxes that are left out, and those that left their image by more than
            :data:`OVERSHOOT` pixels.

    Example:
        >>> clipped((-4, 2, 10, 3), (40, 30), Tally())
        (0, 2, 6, 3)
    """
    x, y, w, h = xywh
    if min(w, h) < SMALLEST:
        tally.drop("box without area")
        return None
    left = max(x, 0)
    top = max(y, 0)
    right = min(x + w, wh[0])
    bottom = min(y + h, wh[1])
    outside = (left - x, top - y, x + w - right, y + h - bottom)
    overshoot = max(outside)
    if overshoot <= 0:
        return xywh
    width = right - left
    height = bottom - top
    if min(width, height) < SMALLEST:
        tally.drop("box outside of its image")
        return None
    if overshoot > OVERSHOOT:
        tally.note("box clipped to its image, by more than a pixel")
    return left, top, width, height


def convert_split(split: Split, source: Path, out: Path, version: str) -> Report:
    """Write ``<split>.json``, unless it is there and made from the same.

    Args:
        split: What to convert.
        source: Folder of the archive; ``file_name`` of an image begins behind it.
        out: Folder of the files.
        version: Of what is written: the format and what was asked for.

    Raises:
        FormatError: The archive is not what it must be, or the file there is of another version or
            source.
        ImageError: An image cannot be read, or has another size than annotated.
    """
    path = out / f"{split.name}.json"
    origin = {"source": _behind(out, source), "annotations": _digest(split, source)}
    done: Done = "written"
    if path.is_file():
        there = fileio.load(path)
        made_from = _check_replaceable(path, there, version, source)
        same = made_from == origin["annotations"]
        if same and is_complete(path, source, version):
            return _report(split, there, path, "kept")
        done = "rewritten"
    content = read_split(split, source, version)
    content["info"].update(origin)
    write_json(content, path)
    return _report(split, content, path, done)


def _behind(out: Path, source: Path) -> str:
    """The way from one folder to the other, which stays when both are moved together."""
    way = os.path.relpath(source.resolve(), out.resolve())
    return Path(way).as_posix()


def _digest(split: Split, source: Path) -> str:
    """Of what a split is made from: its classes, and the names and bytes of its annotations."""
    size = [split.classes, split.count]
    text = json.dumps(size)
    digest = hashlib.sha256(text.encode())
    for path in split.files:
        name = os.path.relpath(path, source)
        content = path.read_bytes() if path.is_file() else None
        head = [name, None if content is None else len(content)]
        text = json.dumps(head)
        digest.update(text.encode())
        digest.update(content or b"")
    return digest.hexdigest()


def check_split(split: Split, source: Path) -> Report:
    """Read a split that needs no conversion, as :func:`convert_split` would, and write nothing.

    Args:
        split: What to read.
        source: As in :func:`convert_split`.
    """
    content = read_split(split, source, "")
    return _report(split, content, None, "kept")


def read_split(split: Split, source: Path, version: str) -> dict[str, Any]:
    """The content of a split's COCO file.

    Args:
        split: What to read.
        source: As in :func:`convert_split`.
        version: As in :func:`convert_split`.
    """
    tally = Tally()
    content = _Content(split.classes, tally)
    images = tqdm(
        split.read(tally),
        total=split.count,
        desc=split.name,
        unit="image",
        leave=False,
        disable=split.count < MANY,
    )
    for image in images:
        content.add(image, source)
    if not content.annotations:
        raise FormatError(
            f"{source}: {split.name} must have boxes, found none on its "
            f"{len(content.images)} images; dropped: {first(list(tally.dropped)) or 'none'}. The "
            f"annotation files are empty, or belong to other images"
        )
    return content.content(version)


def _check_replaceable(path: Path, content: Any, version: str, source: Path) -> str | None:
    """See that a file is of the same version and source; gives the digest of its annotations."""
    info = content.get("info", {}) if isinstance(content, dict) else {}
    found = info.get("mmisr")
    if found != version:
        raise FormatError(
            f"{path} must be new or of version {version!r}, found version {found!r}. Remove it, or "
            f"give another --out"
        )
    stated = info.get("source")
    if stated != _behind(path.parent, source):
        other = "no word of it" if stated is None else os.path.normpath(path.parent / stated)
        raise FormatError(
            f"{path} must be new or made from {source}, found {other}. Remove it, or give another "
            f"--out"
        )
    return info.get("annotations")


def _report(split: Split, content: dict[str, Any], path: Path | None, done: Done) -> Report:
    info = content["info"]
    annotated = {annotation["image_id"] for annotation in content["annotations"]}
    return Report(
        split.name,
        path,
        len(content["images"]),
        len(content["annotations"]),
        len(content["images"]) - len(annotated),
        info["dropped"],
        info["noted"],
        split.published,
        done,
    )
