"""Read one image file, or say in one sentence why not."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from mmengine import fileio
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

PLAIN_MODES = ("1", "L", "P", "RGB", "RGBA", "LA", "PA")
"""Pillow modes that become 8-bit RGB without a loss of meaning, if no pixel is transparent."""

ENDINGS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG": b"IEND\xaeB`\x82"}
"""First and last bytes of complete JPEG and PNG files."""


class ImageError(ValueError):
    """An image file that cannot be used; the message names the file, the rule, what was found and the way out."""


def read_rgb(path: str, backend_args: dict[str, Any] | None = None) -> NDArray[np.uint8]:
    """Decode an image.

    Grey images become three equal channels and an opaque alpha channel is dropped.

    Args:
        path: The file, on any back end that mmengine's fileio knows.
        backend_args: Arguments of that back end.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: The file is missing, truncated, no image, transparent, CMYK, or deeper than 8 bits a channel.
    """
    content = _read_bytes(path, backend_args)
    try:
        with Image.open(io.BytesIO(content)) as image:
            _check_mode(image, path)
            image.load()
            if "A" in image.getbands() or "transparency" in image.info:
                _check_opaque(image, path)
            return np.asarray(image.convert("RGB"))
    except UnidentifiedImageError as error:
        raise ImageError(f"{path} is not an image that Pillow can read ({len(content)} bytes); replace the file") from error
    except (OSError, SyntaxError) as error:
        raise ImageError(f"{path} cannot be decoded: {error}; the file is truncated or damaged, get it again") from error


def check_file(path: str, backend_args: dict[str, Any] | None = None) -> tuple[int, int]:
    """Check an image without decoding it: it exists, its header is sound, its mode is usable, its end is there.

    Returns:
        (height, width).

    Raises:
        ImageError: As :func:`read_rgb`, as far as the header and the last bytes tell.
    """
    content = _read_bytes(path, backend_args)
    try:
        with Image.open(io.BytesIO(content)) as image:
            _check_mode(image, path)
            size = image.height, image.width
    except UnidentifiedImageError as error:
        raise ImageError(f"{path} is not an image that Pillow can read ({len(content)} bytes); replace the file") from error
    for start, end in ENDINGS.items():
        if content.startswith(start) and end not in content[-1024:]:
            raise ImageError(f"{path} is truncated: a complete file ends with {end!r}; get it again")
    return size


def _read_bytes(path: str, backend_args: dict[str, Any] | None) -> bytes:
    try:
        return fileio.get(path, backend_args=backend_args)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ImageError(f"{path} does not exist; check data_root, data_prefix and the annotation file's names") from error


def _check_mode(image: Image.Image, path: str) -> None:
    if image.mode in PLAIN_MODES:
        return
    if image.mode == "CMYK":
        raise ImageError(f"{path} must be RGB or grey, found CMYK; convert it with your colour profile to RGB first")
    raise ImageError(
        f"{path} must have 8 bits a channel, found Pillow mode {image.mode!r}; choose how its range maps to 0..255 "
        "(for full-range 16-bit: divide by 257) and save it as 8-bit"
    )


def _check_opaque(image: Image.Image, path: str) -> None:
    lowest = int(np.asarray(image.convert("RGBA"))[..., 3].min())
    if lowest < 255:
        raise ImageError(
            f"{path} must be opaque, found alpha down to {lowest}; flatten it onto the background you mean"
        )
