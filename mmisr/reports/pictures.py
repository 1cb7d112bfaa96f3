"""Pictures: one strip per image, of what every arm saw, what it found, where compute went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mmisr.analysis.comparison.result import ArmRun
from mmisr.structures.frames import FrameMap
from mmisr.structures.sr_result import RoutingMap

TRUTH = (255, 255, 255)
FOUND = (80, 220, 100)
"""Colours of annotated and predicted boxes."""

EXIT_COLOURS = ((0, 0, 0), (255, 176, 0), (220, 38, 127))
"""Easy (no tint), moderate, hard: told apart by people with any colour vision."""

GROUND = (24, 24, 28)
INK = (235, 235, 235)
"""Colours between the panels, and of their titles."""

GAP = 6
TITLE = 22
"""Pixels between panels, and above them for their titles."""

TINT = 110
TINT_EASY = 90
"""How much of the tint covers the image, of 255, where a token is routed deep and where not."""

DIMMED = 150
"""How dark it is where nothing was searched, of 255."""

NEAREST = Image.Resampling.NEAREST
LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True)
class Panel:
    """One picture of a strip.

    Args:
        title: Text above it.
        image: (H, W, 3) uint8 RGB.
        truth_xyxy: (N, 4) annotated boxes, pixels of this image.
        found_xyxy: (M, 4) predicted boxes, pixels of this image.
        routing: Routing map drawn over the image, or None.
        searched_xyxy: (K, 4) what windows answer for, pixels of this image: all else is dimmed.
            None where the whole image is searched.
    """

    title: str
    image: NDArray[np.uint8]
    truth_xyxy: NDArray[np.floating] | None = None
    found_xyxy: NDArray[np.floating] | None = None
    routing: RoutingMap | None = None
    searched_xyxy: NDArray[np.floating] | None = None


def to_uint8(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(3, H, W) RGB in [0, 1] to (H, W, 3) uint8, rounded."""
    return np.clip(np.rint(image.transpose(1, 2, 0) * 255), 0, 255).astype(np.uint8)


def kept_picture(run: ArmRun, index: int) -> Image.Image:
    """What the detector saw, as the comparison kept it.

    Args:
        run: The arm.
        index: Number of the image, from 0.

    Raises:
        FileNotFoundError: The file is gone.
    """
    path = run.picture(index)
    if path is None:
        raise FileNotFoundError(
            f"{run.folder} has no picture of image {index}: delete the folder to run the arm again"
        )
    return Image.open(path).convert("RGB")


def strip(panels: Sequence[Panel], height: int = 420) -> Image.Image:
    """Put panels side by side at one height.

    Small images are enlarged by whole pixels, so that pixels stay visible.

    Args:
        panels: At least one.
        height: Height of every panel in pixels, the title above not counted.

    Returns:
        The picture.

    Raises:
        ValueError: No panel is given.
    """
    if not panels:
        raise ValueError("strip() needs at least one panel, got none")
    drawn = [_draw(panel, height) for panel in panels]
    width = GAP
    for picture in drawn:
        width += picture.width + GAP
    whole_height = height + TITLE + GAP
    whole = Image.new("RGB", (width, whole_height), GROUND)
    pen = ImageDraw.Draw(whole)
    font = ImageFont.load_default(size=14)
    x = GAP
    for panel, picture in zip(panels, drawn, strict=True):
        pen.text((x, 3), panel.title, fill=INK, font=font)
        whole.paste(picture, (x, TITLE))
        x += picture.width
        x += GAP
    return whole


def sheet(rows: Sequence[Sequence[Panel]], height: int) -> Image.Image:
    """Put strips below each other.

    Args:
        rows: Panels, row by row; at least one row.
        height: Height of every panel in pixels.

    Returns:
        The picture, as wide as its longest row.

    Raises:
        ValueError: No row is given, or one without a panel.
    """
    if not rows:
        raise ValueError("sheet() needs at least one row of panels, got none")
    strips = [strip(row, height) for row in rows]
    width = max(picture.width for picture in strips)
    tall = sum(picture.height for picture in strips)
    whole = Image.new("RGB", (width, tall), GROUND)
    y = 0
    for picture in strips:
        whole.paste(picture, (0, y))
        y += picture.height
    return whole


def _draw(panel: Panel, height: int) -> Image.Image:
    image = Image.fromarray(panel.image)
    factor = height / image.height
    width = round(image.width * factor)
    size = (max(1, width), height)
    kind = NEAREST if factor > 1 else LANCZOS
    to_picture = FrameMap.between((image.height, image.width), (height, size[0]))
    image = image.resize(size, kind)
    routing = panel.routing
    if routing is not None:
        image = _tint(image, routing)
    searched = panel.searched_xyxy
    if searched is not None:
        in_picture = to_picture.boxes(searched)
        image = _dimmed(image, in_picture)
    pen = ImageDraw.Draw(image)
    truth = panel.truth_xyxy
    if truth is not None:
        annotated = to_picture.boxes(truth)
        _outline(pen, annotated, TRUTH, 1)
    predictions = panel.found_xyxy
    if predictions is not None:
        found = to_picture.boxes(predictions)
        _outline(pen, found, FOUND, 2)
    return image


def _outline(
    pen: ImageDraw.ImageDraw, xyxy: NDArray[np.floating], colour: tuple[int, int, int], line: int
) -> None:
    for x1, y1, x2, y2 in xyxy:
        # Pillow refuses a rectangle whose ends are exchanged.
        if x2 > x1 and y2 > y1:
            pen.rectangle((x1, y1, x2, y2), outline=colour, width=line)


def _tint(image: Image.Image, routing: RoutingMap) -> Image.Image:
    first = routing.exits[0]
    on_host = first.cpu()
    exits = on_host.numpy()
    is_deep = exits > 0
    cover = np.where(is_deep, TINT, TINT_EASY)
    num_exits = len(routing.exit_names)
    palette = exit_colours(num_exits)
    colours = palette[exits]
    layer = _fitted(colours, image.size)
    mask = _fitted(cover, image.size)
    return Image.composite(layer, image, mask)


def _dimmed(image: Image.Image, searched_xyxy: NDArray[np.floating]) -> Image.Image:
    """The image, dark where nothing was searched."""
    dark = Image.new("RGB", image.size)
    cover = Image.new("L", image.size, DIMMED)
    pen = ImageDraw.Draw(cover)
    whole = np.rint(searched_xyxy)
    for x1, y1, x2, y2 in whole:
        last_column = x2 - 1
        last_row = y2 - 1
        pen.rectangle((x1, y1, last_column, last_row), fill=0)
    return Image.composite(dark, image, cover)


def exit_colours(count: int) -> NDArray[np.integer]:
    """A colour for every exit: those of three, and between moderate and hard where there are more.

    Args:
        count: Number of exits.

    Returns:
        (count, 3) RGB, 0 to 255.

    Example:
        >>> exit_colours(4).tolist()
        [[0, 0, 0], [255, 176, 0], [237, 107, 63], [220, 38, 127]]
    """
    easy, moderate, hard = np.array(EXIT_COLOURS)
    if count <= len(EXIT_COLOURS):
        return np.array(EXIT_COLOURS)
    shares = np.linspace(0, 1, count - 1)[:, None]
    between = moderate + shares * (hard - moderate)
    return np.vstack([easy, between.astype(int)])


def _fitted(pixels: NDArray[np.integer], size: tuple[int, int]) -> Image.Image:
    """One pixel per token, enlarged to the picture."""
    tokens = Image.fromarray(pixels.astype(np.uint8))
    return tokens.resize(size, NEAREST)
