"""Boxes on images whose objects are a few pixels wide.

Thin lines, and words only where they cover no object.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

FONT, FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.4
PIXELS_A_LINE = 800
"""Image side for every pixel of line width."""

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue are, for letters that stand out."""

LEGIBLE = 800
"""Longest side, in pixels, from which on words and boxes can be read."""


def annotate(
    rgb: NDArray[np.uint8],
    xyxy: NDArray[np.floating],
    labels: Sequence[int],
    texts: Sequence[str],
    colours: Sequence[tuple[int, int, int]],
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
            f"annotate() needs a label and a text a box, got {len(xyxy)} boxes, {len(labels)} "
            f"labels, {len(texts)} texts"
        )
    drawn = np.ascontiguousarray(rgb).copy()
    line = max(1, round(max(rgb.shape[:2]) / PIXELS_A_LINE))
    for box, label, text in zip(xyxy, labels, texts, strict=True):
        colour = tuple(int(c) for c in colours[label])
        # Edges lie on pixel corners: the last pixel of a box that ends at x is x - 1.
        x1, y1, x2, y2 = (int(v) for v in np.rint(box))
        cv2.rectangle(drawn, (x1, y1), (max(x1, x2 - 1), max(y1, y2 - 1)), colour, line)
        _write(drawn, text, (x1, y1, x2, y2), colour, line)
    return drawn


def _write(
    drawn: NDArray[np.uint8],
    text: str,
    box: tuple[int, int, int, int],
    colour: tuple[int, ...],
    line: int,
) -> None:
    """Write a text on a ground of the box's colour in its upper corner, where the box has room for it."""
    x1, y1, x2, y2 = box
    scale, pad = FONT_SCALE * line, 2 * line
    (text_w, text_h), below = cv2.getTextSize(text, FONT, scale, line)
    if text_w + 2 * pad > x2 - x1 or 3 * text_h > y2 - y1:
        return
    x1, y1 = max(x1, 0), max(y1, 0)
    cv2.rectangle(
        drawn,
        (x1, y1),
        (x1 + text_w + 2 * pad - 1, y1 + text_h + below + pad - 1),
        colour,
        cv2.FILLED,
    )
    ink = (0, 0, 0) if float(np.dot(LUMA, colour)) > 110 else (255, 255, 255)
    cv2.putText(drawn, text, (x1 + pad, y1 + text_h + pad), FONT, scale, ink, line, cv2.LINE_AA)


def enlarged(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A small image several times as large, a whole number of times; others as they are.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (k * H, k * W, 3) uint8, whose longest side has :data:`LEGIBLE` pixels at least.
    """
    factor = -(-LEGIBLE // max(rgb.shape[:2]))
    if factor == 1:
        return rgb
    large = cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
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
