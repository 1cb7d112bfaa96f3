"""Read one image file, or say in one sentence why not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from mmengine import fileio
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

PLAIN_MODES = ("1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr")
"""Pillow modes that become 8-bit RGB without a loss of meaning, if no pixel is transparent."""

ENDINGS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG": b"IEND\xaeB`\x82"}
"""First and last bytes of complete JPEG and PNG files."""

ORIENTATION, BITS_PER_SAMPLE = 0x0112, 258
"""Tags of EXIF and of TIFF."""


class ImageError(ValueError):
    """An image file that cannot be used; the message names the file, the rule, what was found and the way out."""


def read_rgb(path: str, backend_args: dict[str, Any] | None = None) -> NDArray[np.uint8]:
    """Decode an image.

    Grey becomes three equal channels, an opaque alpha channel is dropped, CMYK is converted without a colour profile.
    The image is turned as its EXIF orientation says, as mmdet's loader does. More than 8 bits a channel is an error and
    never a silent truncation: only the user knows which range holds the picture.

    Args:
        path: The file, on any back end that mmengine's fileio knows.
        backend_args: Arguments of that back end.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: The file is missing, truncated, no image, transparent, too large to be meant, or deeper than 8 bits.
    """
    with _opened(path, backend_args) as (image, _):
        return _decode(image, path)


def check_file(path: str, backend_args: dict[str, Any] | None = None, decode: bool = False) -> tuple[int, int]:
    """Check that an image can be read.

    Args:
        path: The file.
        backend_args: Arguments of the back end.
        decode: Whether to decode all of it; otherwise the header is read, and of JPEG and PNG the end looked for, which
            costs a hundredth of the time and misses only damage in the middle and transparent pixels.

    Returns:
        (height, width), as :func:`read_rgb` gives them.

    Raises:
        ImageError: As :func:`read_rgb`.
    """
    with _opened(path, backend_args) as (image, content):
        if decode or not _has_end(content):
            height, width = _decode(image, path).shape[:2]
        else:
            turned = _orientation(image, content) in (5, 6, 7, 8)
            height, width = (image.width, image.height) if turned else (image.height, image.width)
    return height, width


def check_annotated_size(info: dict, hw: tuple[int, int]) -> None:
    """Check that an image has the size that its annotation says; without it, boxes would lie elsewhere.

    Args:
        info: With ``img_path`` and, where it came from an annotation file, ``height`` and ``width``.
        hw: Height and width found.

    Raises:
        ImageError: They differ.
    """
    said = (info.get("height", hw[0]), info.get("width", hw[1]))
    if said == hw:
        return
    cause = "the boxes belong to another version of the image; get that one, or annotate this one"
    if said == hw[::-1]:
        cause = (
            "width and height are swapped. If the boxes fit the image as viewers show it, swap the two in the annotation "
            "file; if it was annotated before its EXIF orientation turned it, save its pixels without that tag"
        )
    raise ImageError(
        f"{info['img_path']} must be {said[1]}x{said[0]} as its annotation says, found {hw[1]}x{hw[0]}: {cause}"
    )


@contextmanager
def _opened(path: str, backend_args: dict[str, Any] | None) -> Iterator[tuple[Image.Image, bytes]]:
    try:
        content = fileio.get(path, backend_args=backend_args)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ImageError(f"{path} does not exist; check data_root, data_prefix and the names in ann_file") from error
    try:
        with Image.open(io.BytesIO(content)) as image:
            _check_mode(image, content, path)
            yield image, content
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{path} is no image that Pillow can read ({len(content)} bytes); replace the file") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path} is too large: {error}; cut it into tiles with their own annotations") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{path} cannot be decoded: {error}; it is truncated or damaged, get it again") from error


def _decode(image: Image.Image, path: str) -> NDArray[np.uint8]:
    image.load()
    if "A" in image.getbands() or "transparency" in image.info:
        _check_opaque(image, path)
    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def _orientation(image: Image.Image, content: bytes) -> int:
    if image.format == "PNG" and b"eXIf" not in content:  # Pillow decodes all of a PNG to look for it
        return 1
    return int(image.getexif().get(ORIENTATION, 1))


def _has_end(content: bytes) -> bool:
    """Whether a JPEG or PNG ends as it should; other formats do not tell, and some cameras append data of their own."""
    return all(end in content[-1024:] for start, end in ENDINGS.items() if content.startswith(start))


def _check_mode(image: Image.Image, content: bytes, path: str) -> None:
    if image.mode in PLAIN_MODES and _bits(image, content) <= 8:
        return
    found = f"{_bits(image, content)} bits" if image.mode in PLAIN_MODES else f"Pillow mode {image.mode!r}"
    raise ImageError(
        f"{path} must have 8 bits a channel, found {found}; choose how its range maps to 0..255 (for full-range "
        "16-bit, divide by 257 and round) and save it as 8-bit"
    )


def _bits(image: Image.Image, content: bytes) -> int:
    """Bits a channel in the file; Pillow cuts 16-bit colour down to 8 without a word."""
    if image.format == "PNG":
        return content[24]
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(BITS_PER_SAMPLE, (8,))))  # type: ignore[attr-defined]
    if image.format in ("PPM", "JPEG2000"):
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        return 8 if decoded is None else 8 * decoded.dtype.itemsize
    return 8


def _check_opaque(image: Image.Image, path: str) -> None:
    lowest = int(np.asarray(image.convert("RGBA"))[..., 3].min())
    if lowest < 255:
        raise ImageError(
            f"{path} must be opaque, found alpha down to {lowest}; flatten it onto the background you mean"
        )
