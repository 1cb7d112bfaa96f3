"""Pictures: one strip an image, with what every arm saw, what it found, and where the compute went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mmisr.analysis.comparison.result import ArmRun
from mmisr.structures.frames import FrameMap
from mmisr.structures.sr_result import RoutingMap

TRUTH, FOUND = (255, 255, 255), (80, 220, 100)
EXIT_COLOURS = ((0, 0, 0), (255, 176, 0), (220, 38, 127))
"""Easy (no tint), moderate, hard: told apart by people with any colour vision."""

GAP, TITLE = 6, 22


@dataclass(frozen=True)
class Panel:
    """One picture of a strip.

    Args:
        title: Text above it.
        image: (H, W, 3) uint8 RGB.
        truth_xyxy: (N, 4) annotated boxes, pixels of this image.
        found_xyxy: (M, 4) predicted boxes, pixels of this image.
        routing: Routing map drawn over the image, or None.
    """

    title: str
    image: NDArray[np.uint8]
    truth_xyxy: NDArray[np.floating] | None = None
    found_xyxy: NDArray[np.floating] | None = None
    routing: RoutingMap | None = None


def to_uint8(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(3, H, W) RGB in [0, 1] to (H, W, 3) uint8, rounded."""
    return np.clip(np.rint(image.transpose(1, 2, 0) * 255), 0, 255).astype(np.uint8)


def kept_picture(run: ArmRun, index: int) -> Image.Image:
    """What the detector saw, as the comparison kept it.

    Args:
        run: The arm.
        index: Of the image.

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
    width = sum(d.width for d in drawn) + GAP * (len(drawn) + 1)
    sheet = Image.new("RGB", (width, height + TITLE + GAP), (24, 24, 28))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    x = GAP
    for panel, picture in zip(panels, drawn, strict=True):
        pen.text((x, 3), panel.title, fill=(235, 235, 235), font=font)
        sheet.paste(picture, (x, TITLE))
        x += picture.width + GAP
    return sheet


def _draw(panel: Panel, height: int) -> Image.Image:
    image = Image.fromarray(panel.image)
    factor = height / image.height
    size = (max(1, round(image.width * factor)), height)
    kind = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS
    to_picture = FrameMap.between((image.height, image.width), (height, size[0]))
    image = image.resize(size, kind)
    if panel.routing is not None:
        image = _tint(image, panel.routing)
    pen = ImageDraw.Draw(image)
    for boxes, colour, line in ((panel.truth_xyxy, TRUTH, 1), (panel.found_xyxy, FOUND, 2)):
        for x1, y1, x2, y2 in () if boxes is None else to_picture.boxes(boxes):
            if x2 > x1 and y2 > y1:
                pen.rectangle((x1, y1, x2, y2), outline=colour, width=line)
    return image


def _tint(image: Image.Image, routing: RoutingMap) -> Image.Image:
    exits = routing.exits[0].cpu().numpy().astype(int)
    colours = np.asarray(EXIT_COLOURS, dtype=np.uint8)[exits]
    mask = np.where(exits > 0, 110, 90).astype(np.uint8)
    layer = Image.fromarray(colours).resize(image.size, Image.Resampling.NEAREST)
    return Image.composite(
        layer, image, Image.fromarray(mask).resize(image.size, Image.Resampling.NEAREST)
    )
