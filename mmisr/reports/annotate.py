"""Boxes and masks on images whose objects are a few pixels wide.

Thin lines, and words only where they cover no object.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mmisr.ops.masks import resize_masks

Colour = tuple[int, int, int]
"""Red, green and blue, of 255."""

FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.4

TINT = 0.4
"""How much of a mask's colour covers the image."""

SEARCHED: Colour = (160, 160, 160)
"""Outline of a window."""

PIXELS_A_LINE = 800
"""Pixels of the image's longest side for every pixel of line width."""

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue are, for letters that stand out."""

BRIGHT = 110
"""Brightness, of 255, from which on black letters are easier to read than white ones."""

LEGIBLE = 800
"""Longest side, in pixels, from which on words and boxes can be read."""


def annotate(
    rgb: NDArray[np.uint8],
    xyxy: NDArray[np.floating],
    labels: Sequence[int],
    texts: Sequence[str],
    colours: Sequence[Colour],
) -> NDArray[np.uint8]:
    """Draw boxes. A text stands inside its box, and is left out where the box is too small for it.

    Args:
        rgb: (H, W, 3) uint8.
        xyxy: (N, 4) boxes in pixels of the image.
        labels: N class indices, which choose the colour.
        texts: N texts.
        colours: RGB colours by class.

    Returns:
        A new (H, W, 3) image.

    Raises:
        ValueError: Boxes, labels and texts are not equally many.
    """
    if not len(xyxy) == len(labels) == len(texts):
        raise ValueError(
            f"annotate() needs one label and one text per box, got {len(xyxy)} boxes, "
            f"{len(labels)} labels, {len(texts)} texts"
        )
    drawn = np.ascontiguousarray(rgb).copy()
    side = max(rgb.shape[:2])
    line = round(side / PIXELS_A_LINE)
    line = max(1, line)
    corners = np.rint(xyxy).astype(int)
    boxes = corners.tolist()
    for box, label, text in zip(boxes, labels, texts, strict=True):
        red, green, blue = map(int, colours[label])
        colour = (red, green, blue)
        _outline(drawn, box, colour, line)
        _write(drawn, text, box, colour, line)
    return drawn


def tinted(
    rgb: NDArray[np.uint8],
    masks: NDArray[np.bool_] | Sequence[Mapping[str, Any]] | None,
    labels: Sequence[int],
    colours: Sequence[Colour],
) -> NDArray[np.uint8]:
    """Tint masks, beneath their boxes.

    Args:
        rgb: (H, W, 3) uint8.
        masks: (N, h, w) bool of the same image at any size, or N of COCO's compressed run lengths;
            None for none.
        labels: N class indices, which choose the colour.
        colours: RGB colours by class.

    Returns:
        A new (H, W, 3) image; ``rgb`` itself without masks.
    """
    if masks is None:
        return rgb
    height, width = rgb.shape[:2]
    drawn = rgb.copy()
    for mask, label in zip(masks, labels, strict=True):
        pixels = torch.as_tensor(_decoded(mask))
        resized = resize_masks(pixels[None], (height, width))
        is_covered = resized[0].numpy()
        colour = np.array(colours[label])
        below = drawn[is_covered]
        mixed = (1 - TINT) * below + TINT * colour
        drawn[is_covered] = np.rint(mixed)
    return drawn


def _decoded(mask: Any) -> Any:
    """The pixels of a mask, (h, w) bool."""
    if not isinstance(mask, Mapping):
        return mask
    from pycocotools import mask as coco_masks  # here, because most masks are pixels

    return coco_masks.decode(mask).astype(bool)


def _outline(drawn: NDArray[np.uint8], box: Sequence[int], colour: Colour, line: int) -> None:
    # Edges lie on pixel corners: the last pixel of a box that ends at x is x - 1.
    x1, y1, x2, y2 = box
    last = (max(x1, x2 - 1), max(y1, y2 - 1))
    cv2.rectangle(drawn, (x1, y1), last, colour, line)


def _write(
    drawn: NDArray[np.uint8],
    text: str,
    box: Sequence[int],
    colour: Colour,
    line: int,
) -> None:
    """Write a text in the upper corner of a box, on its colour, where the box has room for it."""
    x1, y1, x2, y2 = box
    scale = FONT_SCALE * line
    pad = 2 * line
    size, below = cv2.getTextSize(text, FONT, scale, line)
    text_w, text_h = size
    width = text_w + 2 * pad
    height = text_h + below + pad
    fits_across = width <= x2 - x1
    fits_down = 3 * text_h <= y2 - y1
    if not (fits_across and fits_down):
        return
    x1 = max(x1, 0)
    y1 = max(y1, 0)
    last = (x1 + width - 1, y1 + height - 1)
    cv2.rectangle(drawn, (x1, y1), last, colour, cv2.FILLED)
    baseline = (x1 + pad, y1 + text_h + pad)
    ink = _ink(colour)
    cv2.putText(drawn, text, baseline, FONT, scale, ink, line, cv2.LINE_AA)


def _ink(colour: Colour) -> Colour:
    """Black or white, whichever stands out."""
    brightness = float(np.dot(LUMA, colour))
    return (0, 0, 0) if brightness > BRIGHT else (255, 255, 255)


def enlarged(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A small image several times as large, a whole number of times; others as they are.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (k * H, k * W, 3) uint8, whose longest side has :data:`LEGIBLE` pixels at least.
    """
    height, width, _ = rgb.shape
    side = max(height, width)
    factor = math.ceil(LEGIBLE / side)
    if factor <= 1:
        return rgb
    size = (width * factor, height * factor)
    large = cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, dtype=np.uint8)


def box_texts(classes: Sequence[str], labels: Sequence[int], scores: Sequence[float]) -> list[str]:
    """What stands in the boxes: the class and the score.

    Args:
        classes: Names of the classes; a label beyond them stands for itself.
        labels: N class indices.
        scores: N scores, from 0 to 1.

    Example:
        >>> box_texts(["tree"], [0, 3], [0.912, 0.5])
        ['tree 0.91', '3 0.50']
    """
    names = dict(enumerate(classes))
    texts = []
    for label, score in zip(labels, scores, strict=True):
        name = names.get(int(label), label)
        texts.append(f"{name} {score:.2f}")
    return texts


def outlined(rgb: NDArray[np.uint8], xyxy: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Draw where was searched: thin grey outlines, beneath what was found.

    Args:
        rgb: (H, W, 3) uint8.
        xyxy: (N, 4) cores of windows in pixels of the image.

    Returns:
        A new (H, W, 3) image.
    """
    picture = np.ascontiguousarray(rgb).copy()
    for x1, y1, x2, y2 in np.round(xyxy).astype(int).tolist():
        cv2.rectangle(picture, (x1, y1), (x2 - 1, y2 - 1), SEARCHED, 1)
    return picture
