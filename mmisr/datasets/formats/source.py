"""Files of an archive as they lie there: their text, their names, and which of them is missing."""

from __future__ import annotations

import codecs
import difflib
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmisr.datasets.coco_checks import first
from mmisr.datasets.coco_values import number, shown

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""First bytes that say how a text is encoded; UTF-32 before UTF-16, whose mark it begins with."""

PACKED = (".zip", ".tar", ".gz", ".tgz", ".rar", ".7z", ".part1", ".001")

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
"""Endings of files that count as images, in lower case."""


class FormatError(ValueError):
    """An archive that cannot be converted.

    The message names file and line, the rule, what was found and the way out.
    """


@dataclass(frozen=True)
class Line:
    """One line of a text file.

    Args:
        path: The file.
        number: Its place, from 1 on.
        text: What it says, without the line's end and without spaces around.
    """

    path: Path
    number: int
    text: str

    def error(self, rule: str, found: object, way_out: str) -> FormatError:
        """What is wrong with it.

        Args:
            rule: What it must be.
            found: What it is; shown short.
            way_out: What the reader can do.
        """
        place = f"{self.path}, line {self.number}"
        return FormatError(f"{place}: {rule}, found {shown(found)}. {way_out}")

    def numbers(self, parts: Sequence[str], rule: str) -> list[float]:
        """Some of its words as finite numbers.

        Args:
            parts: The words.
            rule: What the line must hold, for the message.

        Raises:
            FormatError: One of them is no number.
        """
        values = []
        for part in parts:
            try:
                values.append(number(part))
            except ValueError as error:
                raise self.error(rule, self.text, "Mend the line") from error
        return values


def read_text(path: Path, encoding: str | None = None) -> str:
    """All of a text file.

    A byte order mark says how it is encoded; without one it is UTF-8 unless said otherwise.

    Args:
        path: The file.
        encoding: Of files without a mark; None for UTF-8.

    Raises:
        FormatError: The bytes are no text in this encoding.
    """
    content = path.read_bytes()
    name = encoding or "utf-8"
    for mark, marked in MARKS.items():
        if content.startswith(mark):
            name = marked
            break
    try:
        text = content.decode(name)
    except LookupError as error:
        raise FormatError(
            f"encoding must be one that Python knows, found {name!r}. Write utf-8, latin-1, "
            f"utf-16-le, gbk, ..."
        ) from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FormatError(
            f"{path}, line {line}: text must be encoded as {name}, found byte "
            f"0x{content[error.start]:02x}. Say how the files are encoded "
            f"(--encoding latin-1), or save them as UTF-8"
        ) from error
    if "\0" in text:
        raise FormatError(
            f"{path}: text must be encoded as {name}, found zero bytes, as UTF-16 has them. Say so "
            f"(--encoding utf-16-le), or save it as UTF-8"
        )
    return text


def read_lines(path: Path, encoding: str | None = None) -> list[Line]:
    r"""The lines of a text file that say something, whichever system ended them.

    Args:
        path: The file.
        encoding: As in :func:`read_text`.

    Raises:
        FormatError: As :func:`read_text`.
    """
    text = read_text(path, encoding)
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = []
    for place, words in enumerate(plain.split("\n"), 1):
        stripped = words.strip()
        if stripped:
            lines.append(Line(path, place, stripped))
    return lines


def first_of(source: Path, names: Sequence[str], what: str) -> Path:
    """The first of some files or folders that is there.

    Args:
        source: Folder of the archive.
        names: Where it may lie, from ``source`` on.
        what: What it is, for the message.

    Raises:
        FormatError: None is there; what lies there still packed is named.
    """
    for name in names:
        # Lists of images say ./a.jpg and ../images.
        path = Path(os.path.normpath(source / name))
        if path.exists():
            return path
    raise FormatError(
        f"{source} must hold {what} as {' or '.join(names)}, found {_content(source)}. "
        f"{_unpack(source)}"
    )


def _content(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    names = sorted(path.name for path in folder.iterdir())
    return first(names) if names else "an empty folder"


def _unpack(folder: Path) -> str:
    """What to do about files that are not there."""
    packed = []
    if folder.is_dir():
        packed = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in PACKED)
    if packed:
        return f"Unpack first: {first(packed)}"
    return "Get the archive again, or name the folder that holds it"


def by_stem(folder: Path, what: str) -> dict[str, Path]:
    """The images of a folder by their names without ending, in the order of the names.

    Args:
        folder: The folder; folders in it are not looked into.
        what: Whose images they are, for the message.

    Raises:
        FormatError: There are none, or two share a name.
    """
    images: dict[str, Path] = {}
    paths = folder.iterdir() if folder.is_dir() else ()
    for path in sorted(paths):
        if path.suffix.lower() not in IMAGES:
            continue
        if path.stem in images:
            raise FormatError(
                f"{folder}: names of images must differ before their ending, found "
                f"{images[path.stem].name} and {path.name}: one annotation file would belong to "
                f"both. Rename or remove one"
            )
        images[path.stem] = path
    if not images:
        raise FormatError(
            f"{folder} must hold the images of {what}, found {_content(folder)}. {_unpack(folder)}"
        )
    return images


def check_pairs(
    images: Collection[str], labels: Collection[str], image_dir: Path, label_dir: Path
) -> None:
    """See that every image has its annotation file, and the other way round.

    Args:
        images: Names of images without ending.
        labels: Names of annotation files without ending.
        image_dir: Folder of the images.
        label_dir: Folder of the annotation files.

    Raises:
        FormatError: One has not; the first of them are named.
    """
    for some, others, there, lacking in (
        (images, labels, image_dir, label_dir),
        (labels, images, label_dir, image_dir),
    ):
        missing = sorted(set(some) - set(others))
        if missing:
            raise FormatError(
                f"{lacking} must hold a file for each of the {len(some)} of {there}, "
                f"{len(missing)} are missing: {first(missing)}. The archive is half unpacked or "
                f"another: unpack it again"
            )


def known_class(line: Line, name: str, classes: Sequence[str], way_out: str) -> str:
    """A class by the name that a line has for it.

    Args:
        line: The line.
        name: The name.
        classes: The list of the data set.
        way_out: What to do where it is not in the list.

    Raises:
        FormatError: It is not in the list.
    """
    if name in classes:
        return name
    close = difflib.get_close_matches(name, classes, 1)
    hint = f" (did it mean {close[0]!r}?)" if close else ""
    raise line.error(f"a class must be one of {first(list(classes))}{hint}", name, way_out)


def check_classes(names: Sequence[str], place: object) -> None:
    """See that no name stands for two classes.

    Args:
        names: Names of the classes.
        place: Where they are listed, for the message.

    Raises:
        FormatError: A name comes twice.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FormatError(
            f"{place}: names of classes must differ, found more than once: {first(twice)}. Give "
            f"each class a name of its own"
        )


def around(corners: Sequence[float]) -> tuple[float, float, float, float]:
    """The upright box around some corners, as left, top, width, height.

    Args:
        corners: x and y of the first corner, of the second, and so on.

    Example:
        >>> around([2, 1, 5, 3, 4, 6])
        (2, 1, 3, 5)
    """
    xs = corners[::2]
    ys = corners[1::2]
    left = min(xs)
    top = min(ys)
    return left, top, max(xs) - left, max(ys) - top
