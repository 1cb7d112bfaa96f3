"""Read one image file, or say in one sentence why not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from mmengine import fileio
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mmisr.datasets.image_header import SWAPPING, TURNS, bits, orientation, tiff_fault, tiff_tags

PLAIN_MODES = ("1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr")
"""Pillow modes that become 8-bit RGB without a loss of meaning, if no pixel is transparent."""

ENDINGS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG": b"IEND\xaeB`\x82"}
"""First and last bytes of complete JPEG and PNG files."""

MAX_PIXELS = 8192 * 8192
"""Largest image that is read unless a limit is given.

A file of some kilobytes can claim any size.
"""

WAY_OUT_OF_SIZE = (
    "cut it into tiles with their own annotations, or set max_pixels of "
    "mmisr.LoadImage in the pipelines of the config"
)


class ImageError(ValueError):
    """An image file that cannot be used.

    The message names the file, the rule, what was found and the way out.
    """


def read_rgb(
    path: str, backend_args: dict[str, Any] | None = None, max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """Decode an image.

    Grey becomes three equal channels, an opaque alpha channel is dropped, CMYK is converted without
    a colour profile. The image is turned as mmdet's loader turns it: by EXIF in JPEG, PNG and WebP,
    by the tag of a TIFF, and by no XMP. More than 8 bits a channel is an error and never a silent
    truncation: only the user knows which range holds the picture.

    Args:
        path: The file, on any back end that mmengine's fileio knows.
        backend_args: Arguments of that back end.
        max_pixels: Largest height times width.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: The file is missing, truncated, no image, transparent, larger than
            ``max_pixels``, deeper than 8 bits, of more bands than a colour image, or turned in a
            way that mmdet's loader would not follow.
    """
    with _opened(path, backend_args, max_pixels) as (image, content):
        return _decode(image, content, path)


def check_file(
    path: str,
    backend_args: dict[str, Any] | None = None,
    decode: bool = False,
    max_pixels: int | None = MAX_PIXELS,
) -> tuple[int, int]:
    """Check that an image can be read.

    Args:
        path: The file.
        backend_args: Arguments of the back end.
        decode: Whether to decode all of it; otherwise the header is read, and of JPEG and PNG the
            end looked for, which costs a hundredth of the time and misses only damage in the middle
            and transparent pixels.
        max_pixels: Largest height times width; None for Pillow's own limit, where another loader
            reads the file.

    Returns:
        (height, width), as :func:`read_rgb` gives them.

    Raises:
        ImageError: As :func:`read_rgb`.
    """
    with _opened(path, backend_args, max_pixels) as (image, content):
        if decode or not _has_end(content):
            pixels = _decode(image, content, path)
            return pixels.shape[0], pixels.shape[1]
        if image.format == "TIFF":  # Pillow turns a TIFF itself
            return image.height, image.width
        if _orientation(image, content, path) in SWAPPING:
            return image.width, image.height
        return image.height, image.width


def check_annotated_size(info: dict, hw: tuple[int, int]) -> None:
    """Check that an image has the size that its annotation says.

    Without it, boxes would lie elsewhere.

    Args:
        info: With ``img_path`` and, where it came from an annotation file, ``height`` and
            ``width``.
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
            "width and height are swapped. If the boxes fit the image as viewers show it, swap the "
            "two in the annotation "
            "file; if it was annotated before its EXIF orientation turned it, save its pixels "
            "without that tag"
        )
    raise ImageError(
        f"{info['img_path']} must be {said[1]}x{said[0]} as its annotation says, found "
        f"{hw[1]}x{hw[0]}: {cause}"
    )


@contextmanager
def _opened(
    path: str, backend_args: dict[str, Any] | None, max_pixels: int | None
) -> Iterator[tuple[Image.Image, bytes]]:
    try:
        content = fileio.get(path, backend_args=backend_args)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ImageError(
            f"{path} does not exist; check data_root, data_prefix and the names in ann_file"
        ) from error
    _let_pillow_read(max_pixels)
    try:
        with Image.open(io.BytesIO(content)) as image:
            _check_pixels(image, path, max_pixels)
            _check_colours(image, content, path)
            yield image, content
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{path} {_why_unknown(content)}") from error
    except Image.DecompressionBombError as error:
        limit = f"max_pixels={max_pixels} pixels" if max_pixels else "Pillow reads"
        raise ImageError(
            f"{path} must not have more than {limit}: {error}; {WAY_OUT_OF_SIZE}"
        ) from error
    except Exception as error:  # decoders raise anything on damaged bytes
        raise ImageError(
            f"{path} cannot be decoded: {_said(error)}; it is truncated or damaged, get it again"
        ) from error


def _decode(image: Image.Image, content: bytes, path: str) -> NDArray[np.uint8]:
    for key in ("xmp", "XML:com.adobe.xmp"):
        image.info.pop(key, None)  # Pillow turns a TIFF while it loads it, by XMP too
    turn = None
    if image.format != "TIFF":
        turn = TURNS.get(_orientation(image, content, path))
    image.load()
    if "A" in image.getbands() or "transparency" in image.info:
        _check_opaque(image, path)
    upright = image if image.mode == "RGB" else image.convert("RGB")
    if turn is not None:
        upright = upright.transpose(turn)
    return np.asarray(upright)


def _orientation(image: Image.Image, content: bytes, path: str) -> int:
    try:
        return orientation(image, content)
    except ValueError as error:
        raise ImageError(f"{path} {error}") from error


def _has_end(content: bytes) -> bool:
    """Whether a JPEG or PNG ends as it should.

    Other formats do not tell, and some cameras append data of their own.
    """
    tail = content[-1024:]
    for start, end in ENDINGS.items():
        if content.startswith(start):
            return end in tail
    return True


def check_reducible(hw: tuple[int, int], multiple: int, name: str) -> None:
    """See that an image is no smaller than one pixel of the LR image that is made from it.

    Args:
        hw: Its height and width.
        multiple: How many times it is to be reduced.
        name: What messages call it: its file.

    Raises:
        ImageError: It is.
    """
    height, width = hw
    if min(hw) < multiple:
        raise ImageError(
            f"{name} must be at least {multiple} pixels on each side to be reduced {multiple} "
            f"times, found {width}x{height}; remove it or lower the scale"
        )


def _let_pillow_read(max_pixels: int | None) -> None:
    """Raise Pillow's own limit where it is lower than the one that was set.

    Pillow has one limit for the whole process.
    """
    if max_pixels is not None and Image.MAX_IMAGE_PIXELS is not None:
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, max_pixels)


def _check_pixels(image: Image.Image, path: str, max_pixels: int | None) -> None:
    width, height = image.size
    if max_pixels is not None and width * height > max_pixels:
        raise ImageError(
            f"{path} must have at most max_pixels={max_pixels} pixels, found "
            f"{width}x{height}={width * height}; "
            f"{WAY_OUT_OF_SIZE}"
        )


def _check_colours(image: Image.Image, content: bytes, path: str) -> None:
    fault = None
    if image.format == "TIFF":
        fault = tiff_fault(image.tag_v2)  # type: ignore[attr-defined]
    if fault is not None:
        raise ImageError(f"{path} {fault}")
    depth = bits(image, content)
    if image.mode in PLAIN_MODES and depth <= 8:
        return
    found = f"{depth} bits" if image.mode in PLAIN_MODES else f"Pillow mode {image.mode!r}"
    raise ImageError(
        f"{path} must have 8 bits a channel, found {found}; choose how its range maps to 0..255 "
        f"(for full-range "
        "16-bit, divide by 257 and round) and save it as 8-bit"
    )


def _why_unknown(content: bytes) -> str:
    """What is wrong with a file that Pillow does not know.

    The layouts of TIFF that it does not read have names.
    """
    tags = tiff_tags(content)
    fault = tiff_fault(tags) if tags else None
    return fault or f"is no image that Pillow can read ({len(content)} bytes); replace the file"


def _said(error: Exception) -> str:
    """The text of an error, or its kind where it has none."""
    return str(error) or type(error).__name__


def _check_opaque(image: Image.Image, path: str) -> None:
    lowest = int(np.asarray(image.convert("RGBA"))[..., 3].min())
    if lowest < 255:
        raise ImageError(
            f"{path} must be opaque, found alpha down to {lowest}; flatten it onto the background "
            f"you mean"
        )
