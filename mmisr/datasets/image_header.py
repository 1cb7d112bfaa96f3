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
    found = exif_orientation(image.info.get("exif", b""))
    if found != 1 and not (image.format == "WEBP" and webp_is_turned()):
        raise ValueError(
            f"has EXIF orientation {found}, by which mmcv turns JPEG and PNG but no "
            f"{image.format}, so that boxes would fit "
            "one reader alone; turn its pixels and save them without that tag"
        )
    return found


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
        for place in range(start + 2, start + 2 + 12 * entries, 12):
            tag, count, outside = struct.unpack_from(order + "H2xII", block, place)
            (value,) = struct.unpack_from(order + "H", block, place + 8)
            if tag == ORIENTATION:
                return _known(value)
            size = count if tag in EXIF_TEXTS else 8 * EXIF_FRACTIONS.get(tag, 0)
            if size > 4 and outside + size > len(block):
                return 1
    except struct.error:
        pass  # it ends in the middle
    return 1


@lru_cache
def webp_is_turned() -> bool:
    """Whether this OpenCV turns WebP by EXIF; versions before 4.12 do not."""
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = 6
    Image.new("RGB", (2, 1)).save(buffer, "WEBP", exif=exif)
    decoded = cv2.imdecode(np.frombuffer(buffer.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    return decoded is not None and decoded.shape[:2] == (2, 1)


def bits(image: Image.Image, content: bytes) -> int:
    """Bits a channel in the file; Pillow cuts 16-bit colour down to 8 without a word."""
    if image.format == "PNG":
        return content[24]
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(BITS_PER_SAMPLE, (1,))))  # type: ignore[attr-defined]
    if image.format == "PPM":
        arguments = image.tile[0][3]  # type: ignore[attr-defined]
        return 16 if isinstance(arguments, tuple) and arguments[-1] > 255 else 8
    if image.format == "JPEG2000":
        size = content.find(b"\xff\x4f\xff\x51")  # the first marker segment of the codestream
        return 8 if size < 0 else (content[size + 42] & 0x7F) + 1
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
    except (
        Exception
    ):  # whatever a damaged file makes of Pillow's reader: the caller has an error of its own
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
        found = COLOURS.get(colour, "an unknown one")
        return (
            f"must have grey, RGB, palette, YCbCr or CMYK colours, found {found} "
            f"(PhotometricInterpretation {colour}); convert "
            "it to 8-bit RGB with its colour profile"
        )
    own = COLOUR_BANDS[colour]
    bands = tags.get(BANDS, own)
    extra = tuple(tags.get(EXTRA_SAMPLES, ALPHA[:1]))
    has_alpha = bands == own + 1 and own != 4 and extra and extra[0] in ALPHA
    if bands == own or has_alpha:
        return None
    return (
        f"must have {own} {'band' if own == 1 else 'bands'}, and an opaque alpha channel at most, "
        f"found {bands} bands; choose "
        "the three that the detector shall see and save them as 8-bit RGB (gdal_translate -b 3 -b "
        "2 -b 1 IN.tif OUT.tif)"
    )


def _known(value: Any) -> int:
    return int(value) if value in TURNS else 1


def _png_chunk(content: bytes, name: bytes) -> bytes:
    """The first chunk of a name; empty where there is none."""
    place = 8
    while name in content[place:] and place + 8 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        if content[place + 4 : place + 8] == name:
            return content[place + 8 : place + 8 + length]
        place += 12 + length
    return b""
