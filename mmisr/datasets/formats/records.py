"""What a reader of a format gives: images with their boxes, and what it left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mmisr.structures.checks import check_fields

REGION = {"iscrowd": 1, "ignore": 1, "ignored_region": 1}
"""Flags of a region in which nothing counts, for no class.

It is one annotation, under the first class because COCO wants one.
"""


@dataclass(frozen=True)
class AnnotatedBox:
    """One annotation.

    Args:
        name: Its class.
        xywh: Left, top, width, height in pixels of the image file, or as shares of its sides
            where :attr:`AnnotatedImage.shares` says so.
        flags: Keys of the COCO annotation that protocols read: ``ignore``, ``iscrowd``,
            ``ignored_region``, ``uncertain`` and ``difficult`` are 1, ``subsets`` are names.
        attributes: What else the archive says about it, kept under ``attributes``.
        area: In pixels, where the archive has another than width times height.
    """

    name: str
    xywh: tuple[float, float, float, float]
    flags: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    area: float | None = None


@dataclass(frozen=True)
class AnnotatedImage:
    """One image and its annotations.

    Args:
        path: The image file.
        boxes: What is annotated.
        number: Its id in the archive; None to count.
        wh: Width and height that the archive says, to be compared with the file's.
        shares: Whether boxes are shares of the image's sides, between 0 and 1.
    """

    path: Path
    boxes: tuple[AnnotatedBox, ...]
    number: int | None = None
    wh: tuple[int, int] | None = None
    shares: bool = False


@dataclass
class Tally:
    """What became of annotations that are not plain boxes, counted by reason."""

    dropped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    def drop(self, reason: str) -> None:
        """One annotation that is not written."""
        self.dropped[reason] += 1

    def note(self, what: str) -> None:
        """One that is written, and differs from the archive or from a plain box."""
        self.noted[what] += 1


@dataclass(frozen=True)
class Published:
    """How large a split is according to those who published it.

    Args:
        images: Number of images.
        source: Who says so.
        annotations: Number of annotations, with those that are dropped; None where not known.
    """

    images: int
    source: str
    annotations: int | None = None


@dataclass(frozen=True)
class Split:
    """One side of a data set, ready to be read.

    Args:
        name: What its file is called.
        classes: Names of the classes; ids count from 1.
        count: How many images come.
        read: Gives the images one by one and counts what it leaves out.
        files: Where its annotations stand, in the order of reading; some may not be there.
        published: Its size, where it is known.
    """

    name: str
    classes: tuple[str, ...]
    count: int
    read: Callable[[Tally], Iterable[AnnotatedImage]]
    files: tuple[Path, ...]
    published: Published | None = None


@dataclass(frozen=True)
class Options:
    """What a user may say about the files of an archive.

    Args:
        encoding: How text is encoded that does not say so itself; None for UTF-8.
        classes: Names in their order, for folders that have no list.
        polygons: What polygons and turned boxes in a set of boxes are: an ``error``, or taken as
            the upright ``boxes`` around them.
        first_pixel: The number of the first column and row in VOC's files: 1, or 0 as some tools
            write.
    """

    encoding: str | None = None
    classes: tuple[str, ...] = ()
    polygons: Literal["error", "boxes"] = "error"
    first_pixel: int = 1

    def __post_init__(self) -> None:
        check_fields(self, "to_coco")
        if self.polygons not in ("error", "boxes"):
            found = self.polygons
            raise ValueError(f"polygons must be 'error' or 'boxes', got {found!r}")
        if self.first_pixel not in (0, 1):
            raise ValueError(f"first_pixel must be 0 or 1, got {self.first_pixel}")

    def changed(self) -> dict[str, Any]:
        """Those that differ from what they are by default, by name."""
        plain = vars(Options())
        asked = vars(self)
        return {name: value for name, value in asked.items() if value != plain[name]}


@dataclass(frozen=True)
class Format:
    """One data set, or one way of writing boxes down.

    Args:
        title: What people call it.
        splits: Finds its splits in a folder.
        takes: Names of the options that it reads.
        writes: Whether there is something to convert; False where files are COCO's already.
    """

    title: str
    splits: Callable[[Path, Options], list[Split]]
    takes: tuple[str, ...] = ("encoding",)
    writes: bool = True
