"""Files that are whole or not there.

The one writer of everything that takes more than a moment or is read again.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

UNFINISHED = ".unfinished"
"""What the temporary names of all files have in them."""

LONGEST_NAME = 255
"""Bytes of a file name that common file systems take."""


def unfinished_name(path: Path) -> Path:
    """The temporary name of a file, in the same folder and of the same ending.

    Its length does not depend on the file's own, so that any name that can be written can be
    written whole. It is the same every time: a later run overwrites what a killed one left.

    Args:
        path: The file.
    """
    return path.with_name(
        f".{_digest(path.name)}{UNFINISHED}{path.suffix if len(path.suffix) <= 8 else ''}"
    )


def whole_files(folder: Path, ending: str) -> list[Path]:
    """The files of a folder that were written whole, by name; none where there is no folder.

    A process that was killed may have left one under its temporary name.

    Args:
        folder: Where they lie.
        ending: Of their names, with its dot.
    """
    files = []
    for path in sorted(folder.glob(f"*{ending}")):
        if not path.name.startswith("."):
            files.append(path)
    return files


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Let a file be written under a temporary name of the same ending, then give it its own.

    Args:
        path: The file; its folder is made.
        write: Function that writes to the path it is given. Where it fails, nothing is left.

    Raises:
        OSError: The file cannot be written (no room, no right); it is named, whoever writes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = unfinished_name(path)
    try:
        write(unfinished)
        _to_disk(unfinished)
        unfinished.replace(path)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, as :func:`write_whole` does."""
    write_whole(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes, as :func:`write_whole` does."""
    write_whole(path, lambda unfinished: unfinished.write_bytes(content))


def write_image(path: Path, image: Image.Image, **options: Any) -> None:
    """Write a picture, as :func:`write_whole` does, in the format that the ending names.

    Pillow encodes into memory first: where it writes to a file itself, it does not notice that a
    full disk took only a part of the last bytes.

    Args:
        path: The file.
        image: The picture.
        **options: Options of Pillow's encoder: ``quality``, ``compress_level``, ...
    """
    buffer = io.BytesIO()
    image.save(buffer, Image.registered_extensions()[path.suffix.lower()], **options)
    write_bytes(path, buffer.getvalue())


def fitting_name(name: str, room: int) -> str:
    """A name that a file system takes with an ending behind it.

    Args:
        name: Name without ending.
        room: Bytes that must stay free behind the name, for an ending.

    Returns:
        The name itself where it fits; else its beginning, and a digest that keeps long names apart.

    Example:
        >>> fitting_name("street-7", room=4)
        'street-7'
        >>> len(fitting_name("x" * 300, room=4))
        251
    """
    limit = LONGEST_NAME - room
    encoded = name.encode("utf-8", "surrogateescape")
    if len(encoded) <= limit:
        return name
    tail = f"-{_digest(name)}"
    return encoded[: limit - len(tail)].decode("utf-8", "ignore") + tail


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _to_disk(path: Path) -> None:
    """A name that outlives a power cut must not outlive its content."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
