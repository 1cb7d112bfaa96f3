"""Cut-outs of pictures, small enough that forty images in every arm go into one page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmisr.evaluation.functional.coco_records import Floats
from mmisr.reports.pictures import EXIT_COLOURS

SIDE = 512
"""Longest side of a cut-out, in pixels of the largest picture."""

BYTES = 225_000
"""Of all pictures of one image; forty of them, written as text, take 12 MB."""

RUNGS = ((1, 90), (1, 80), (1, 65), (1, 50), (2, 65), (2, 40), (4, 40))
"""Reduction and quality, tried in this order until the pictures of an image are small enough."""

ALPHA = 105
"""Of the tint of a token, of 255."""


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
        sx, sy = source_hw[1] / lr_hw[1], source_hw[0] / lr_hw[0]
        return self.x * sx, self.y * sy, self.width * sx, self.height * sy


def place_window(lr_hw: tuple[int, int], side: int, points: Floats) -> Window:
    """The window that holds most points; in the middle of the image where there is none.

    Args:
        lr_hw: Size of the LR image.
        side: Longest side of the window in LR pixels.
        points: (N, 2) x and y of what is worth looking at, in LR pixels.

    Returns:
        The window, inside the image.
    """
    size = np.minimum((lr_hw[1], lr_hw[0]), max(1, side))
    if not len(points):
        points = np.array([[lr_hw[1] / 2, lr_hw[0] / 2]])
    room = np.array((lr_hw[1], lr_hw[0])) - size
    corners = np.clip(np.rint(points - size / 2), 0, room).astype(np.int64)
    inside = (points[None] >= corners[:, None]) & (points[None] <= corners[:, None] + size)
    x, y = corners[inside.all(-1).sum(1).argmax()].tolist()
    return Window(x, y, int(size[0]), int(size[1]))


def cut(picture: Image.Image, window: Window, lr_hw: tuple[int, int]) -> Image.Image:
    """The window's part of a picture of any size of the same image."""
    fx, fy = picture.width / lr_hw[1], picture.height / lr_hw[0]
    x1, y1 = round(window.x * fx), round(window.y * fy)
    return picture.crop(
        (x1, y1, round((window.x + window.width) * fx), round((window.y + window.height) * fy))
    )


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
        files = {name: _webp(picture, reduction, quality) for name, picture in pictures.items()}
        if sum(map(len, files.values())) <= limit:
            break
    note = f"WebP at quality {quality}" + (f", reduced to 1/{reduction}" if reduction > 1 else "")
    return Packed({name: _uri("webp", file) for name, file in files.items()}, note)


def _webp(picture: Image.Image, reduction: int, quality: int) -> bytes:
    if reduction > 1 and min(picture.size) >= reduction:
        picture = picture.reduce(reduction)
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, method=2)
    return file.getvalue()


def routing_uri(exits: NDArray[np.int8]) -> str:
    """One pixel a token: easy ones are clear, the others tinted, in colours told apart with any colour vision.

    Args:
        exits: (rows, cols) exits of the tokens.
    """
    rgb = np.asarray(EXIT_COLOURS, dtype=np.uint8)[exits.astype(np.int64)]
    alpha = np.where(exits > 0, ALPHA, 0).astype(np.uint8)[..., None]
    file = io.BytesIO()
    Image.fromarray(np.concatenate([rgb, alpha], axis=2)).save(file, "PNG", optimize=True)
    return _uri("png", file.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def outlines(xyxy: Floats, window: Sequence[float]) -> str:
    """Boxes that touch a window, as one SVG path.

    Args:
        xyxy: (N, 4) boxes.
        window: Left, top, width and height in the same frame.
    """
    x, y, w, h = window
    seen = xyxy[
        (xyxy[:, 0] < x + w) & (xyxy[:, 2] > x) & (xyxy[:, 1] < y + h) & (xyxy[:, 3] > y)
    ] - (x, y, x, y)
    return "".join(
        f"M{_short(a)} {_short(b)}H{_short(c)}V{_short(d)}H{_short(a)}z"
        for a, b, c, d in seen.tolist()
    )


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
