"""Cut-outs of pictures, small enough that forty images in every arm go into one page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmisr.evaluation.functional.coco_records import Floats
from mmisr.reports.pictures import EXIT_COLOURS

SIDE = 512
"""Longest side of a cut-out, in pixels of the largest picture."""

BYTES = 225_000
"""Limit of all pictures of one image together; forty images, written as text, take 12 MB."""

RUNGS = ((1, 90), (1, 80), (1, 65), (1, 50), (2, 65), (2, 40), (4, 40))
"""Reduction and quality, tried in this order until the pictures of an image are small enough."""

ALPHA = 105
"""How much of a token's tint covers the picture, of 255."""


@dataclass(frozen=True)
class Window:
    """A cut-out in whole LR pixels, so that it is the same area in every picture.

    Args:
        x: Left edge in LR pixels.
        y: Upper edge.
        width: In LR pixels.
        height: In LR pixels.
    """

    x: int
    y: int
    width: int
    height: int

    def source(
        self, source_hw: tuple[int, int], lr_hw: tuple[int, int]
    ) -> tuple[float, float, float, float]:
        """Left, top, width and height in the source frame."""
        source_h, source_w = source_hw
        lr_h, lr_w = lr_hw
        x_scale = source_w / lr_w
        y_scale = source_h / lr_h
        return (
            self.x * x_scale,
            self.y * y_scale,
            self.width * x_scale,
            self.height * y_scale,
        )


def place_window(lr_hw: tuple[int, int], side: int, points: Floats) -> Window:
    """The window that holds most points; in the middle of the image where there is none.

    Args:
        lr_hw: Size of the LR image.
        side: Longest side of the window in LR pixels.
        points: (N, 2) x and y of what is worth looking at, in LR pixels.

    Returns:
        The window, inside the image.
    """
    lr_wh = np.array(lr_hw[::-1])
    size = np.minimum(lr_wh, max(1, side))
    if not len(points):
        points = lr_wh[None] / 2
    # One window around every point, moved into the image, of which the fullest is taken.
    starts = np.rint(points - size / 2)
    starts = np.clip(starts, 0, lr_wh - size)
    ends = starts + size
    is_after = points >= starts[:, None]
    is_before = points <= ends[:, None]
    is_inside = (is_after & is_before).all(-1)
    fullest = is_inside.sum(1).argmax()
    x, y = starts[fullest].astype(int)
    width, height = size
    return Window(
        x=int(x),
        y=int(y),
        width=int(width),
        height=int(height),
    )


def cut(picture: Image.Image, window: Window, lr_hw: tuple[int, int]) -> Image.Image:
    """The window's part of a picture of any size of the same image.

    Args:
        picture: The picture.
        window: What to cut out.
        lr_hw: Height and width of the LR image.
    """
    lr_h, lr_w = lr_hw
    x_scale = picture.width / lr_w
    y_scale = picture.height / lr_h
    x_end = window.x + window.width
    y_end = window.y + window.height
    left = round(window.x * x_scale)
    top = round(window.y * y_scale)
    right = round(x_end * x_scale)
    bottom = round(y_end * y_scale)
    return picture.crop((left, top, right, bottom))


@dataclass(frozen=True)
class Packed:
    """The pictures of one image as the page holds them.

    Args:
        uris: ``data:`` addresses by arm.
        note: How they were made smaller.
    """

    uris: Mapping[str, str]
    note: str


def pack(pictures: Mapping[str, Image.Image], limit: int = BYTES) -> Packed:
    """Write the pictures of one image alike, at the best quality that fits.

    Args:
        pictures: By arm.
        limit: Bytes of all of them together; the last rung is taken where none fits.

    Returns:
        The pictures.
    """
    for reduction, quality in RUNGS:
        files = {}
        for name, picture in pictures.items():
            files[name] = _webp(picture, reduction, quality)
        num_bytes = sum(map(len, files.values()))
        if num_bytes <= limit:
            break
    note = f"WebP at quality {quality}"
    if reduction > 1:
        note += f", reduced to 1/{reduction}"
    uris = {name: _uri("webp", file) for name, file in files.items()}
    return Packed(uris, note)


def _webp(picture: Image.Image, reduction: int, quality: int) -> bytes:
    side = min(picture.size)
    if 1 < reduction <= side:
        picture = picture.reduce(reduction)
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, method=2)
    return file.getvalue()


def routing_uri(exits: NDArray[np.int8]) -> str:
    """A picture of one pixel per token: easy ones are clear, the others tinted.

    The tints are told apart with any colour vision.

    Args:
        exits: (rows, cols) exits of the tokens.
    """
    colours = np.array(EXIT_COLOURS)
    rgb = colours[exits]
    is_deep = exits > 0
    alpha = np.where(is_deep, ALPHA, 0)
    rgba = np.dstack([rgb, alpha])
    pixels = rgba.astype(np.uint8)
    picture = Image.fromarray(pixels)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    content = file.getvalue()
    return _uri("png", content)


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
