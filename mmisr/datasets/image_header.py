"""What the header of an image file says.

How it is to be turned, how deep it is, and what the bands of a TIFF are.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

ORIENTATION, BITS_PER_SAMPLE, PHOTOMETRIC, BANDS, EXTRA_SAMPLES = 0x0112, 258, 262, 277, 338
"""Tags of EXIF and of TIFF."""

EXIF_PREFIX, TIFF_MAGIC = b"Exif\0\0", 42
EXIF_TEXTS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x8298)
EXIF_FRACTIONS = {0x011A: 1, 0x011B: 1, 0x013E: 2, 0x013F: 6, 0x0211: 3, 0x0214: 6}
"""Entries that OpenCV reads beside the orientation, and ends at where they lie outside.

Fractions by how many.
"""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings an image of each orientation upright."""

SWAPPING = (5, 6, 7, 8)
"""Orientations that exchange width and height."""

COLOUR_BANDS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3}
"""Bands of the kinds of TIFF that become RGB without a decision, by PhotometricInterpretation."""

COLOURS = {
    4: "a mask",
    8: "CIELAB",
    9: "ICC LAB",
    10: "ITU LAB",
    32803: "colour filter array",
    34892: "linear raw",
}
ALPHA = (1, 2)


def orientation(image: Image.Image, content: bytes) -> int:
    """The orientation that mmcv turns an image by.

    That is EXIF in JPEG, PNG and WebP, and the tag of a TIFF. XMP, and EXIF in text chunks of a
    PNG, turn nothing.

    Args:
        image: Opened by Pillow.
        content: Its file.

    Returns:
        1 to 8, as EXIF defines it; 1 is upright.

    Raises:
        ValueError: mmcv would not turn an image of this format; the message is for after the file's
            name.
    """
    if image.format == "TIFF":
        return _known(image.tag_v2.get(ORIENTATION, 1))  # type: ignore[attr-defined]
    if image.format in ("JPEG", "MPO"):
        return exif_orientation(image.info.get("exif", b""))
    if image.format == "PNG":
        block = _png_chunk(content, b"eXIf")
        return exif_orientation(block) if block[:2] in (b"II", b"MM") else 1
    turn = exif_orientation(image.info.get("exif", b""))
    is_turned = image.format == "WEBP" and webp_is_turned()
    if turn != 1 and not is_turned:
        raise ValueError(
            f"has EXIF orientation {turn}, by which mmcv turns JPEG and PNG but no "
            f"{image.format}, so that boxes would fit "
            "one reader alone; turn its pixels and save them without that tag"
        )
    return turn


def exif_orientation(block: bytes) -> int:
    """Orientation in an EXIF block, as OpenCV reads it.

    Of the first directory, whatever type the value says it has, and up to the first entry whose
    text or fractions lie outside the block.

    Args:
        block: The block, with or without the head that it has in a JPEG.

    Returns:
        1 to 8; 1 where there is none, or none that can be read.
    """
    block = block.removeprefix(EXIF_PREFIX)
    order = "<" if block.startswith(b"II") else ">"
    try:
        magic, start = struct.unpack_from(order + "HI", block, 2)
        (entries,) = struct.unpack_from(order + "H", block, start)
        if magic != TIFF_MAGIC:
            return 1
        for number in range(entries):
            position = start + 2 + 12 * number
            tag, count, outside = struct.unpack_from(order + "H2xII", block, position)
            (value,) = struct.unpack_from(order + "H", block, position + 8)
            if tag == ORIENTATION:
                return _known(value)
            # A value of up to four bytes stands in the entry itself, a longer one elsewhere.
            size = count if tag in EXIF_TEXTS else 8 * EXIF_FRACTIONS.get(tag, 0)
            is_outside = size > 4 and outside + size > len(block)
            if is_outside:
                return 1
    except struct.error:
        pass  # it ends in the middle
    return 1


@lru_cache
def webp_is_turned() -> bool:
    """Whether this OpenCV turns WebP by EXIF; versions before 4.12 do not."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # a quarter turn
    wide = Image.new("RGB", (2, 1))
    buffer = io.BytesIO()
    wide.save(buffer, "WEBP", exif=exif)
    content = np.frombuffer(buffer.getvalue(), np.uint8)
    decoded = cv2.imdecode(content, cv2.IMREAD_COLOR)
    return decoded is not None and decoded.shape[:2] == (2, 1)


def bits(image: Image.Image, content: bytes) -> int:
    """Bits per channel in the file; Pillow cuts 16-bit colour down to 8 without a word."""
    if image.format == "PNG":
        return content[24]
    if image.format == "TIFF":
        depths = image.tag_v2.get(BITS_PER_SAMPLE, (1,))  # type: ignore[attr-defined]
        return int(max(depths))
    if image.format == "PPM":
        arguments = image.tile[0][3]  # type: ignore[attr-defined]
        is_deep = isinstance(arguments, tuple) and arguments[-1] > 255
        return 16 if is_deep else 8
    if image.format == "JPEG2000":
        # The first marker segment of the codestream says it, less one, beside the sign's bit.
        start = content.find(b"\xff\x4f\xff\x51")
        if start < 0:
            return 8
        return (content[start + 42] & 0x7F) + 1
    return 8


def tiff_tags(content: bytes) -> Mapping[int, Any]:
    """Tags of the first image of a TIFF; none where it is no TIFF, or a damaged one."""
    if content[:4] not in (b"II*\0", b"MM\0*"):
        return {}
    try:
        tags = ImageFileDirectory_v2(content[:8])
        file = io.BytesIO(content)
        file.seek(tags.next)
        tags.load(file)
        return dict(tags)
    except Exception:
        # A damaged file makes Pillow's reader raise anything; the caller has an error of its own.
        return {}


def tiff_fault(tags: Mapping[int, Any]) -> str | None:
    """Why the colours of a TIFF cannot be shown as RGB without a decision; None where they can.

    Args:
        tags: Of the file, by number.

    Returns:
        The end of a sentence that begins with the file's name.
    """
    colour = tags.get(PHOTOMETRIC, 0)
    if colour not in COLOUR_BANDS:
        name = COLOURS.get(colour, "an unknown one")
        return (
            f"must have grey, RGB, palette, YCbCr or CMYK colours, found {name} "
            f"(PhotometricInterpretation {colour}); convert "
            "it to 8-bit RGB with its colour profile"
        )
    needed = COLOUR_BANDS[colour]
    bands = tags.get(BANDS, needed)
    extra = tuple(tags.get(EXTRA_SAMPLES, ALPHA[:1]))
    has_alpha = bands == needed + 1 and needed != 4 and extra and extra[0] in ALPHA
    if bands == needed or has_alpha:
        return None
    noun = "band" if needed == 1 else "bands"
    return (
        f"must have {needed} {noun}, and an opaque alpha channel at most, "
        f"found {bands} bands; choose "
        "the three that the detector shall see and save them as 8-bit RGB (gdal_translate -b 3 -b "
        "2 -b 1 IN.tif OUT.tif)"
    )


def _known(value: Any) -> int:
    return int(value) if value in TURNS else 1


def _png_chunk(content: bytes, name: bytes) -> bytes:
    """The first chunk of a name; empty where there is none."""
    start = 8  # after the signature
    while name in content[start:] and start + 8 <= len(content):
        (length,) = struct.unpack_from(">I", content, start)
        body = start + 8
        if content[start + 4 : body] == name:
            return content[body : body + length]
        start += 12 + length  # length and name before the body, a checksum after it
    return b""
