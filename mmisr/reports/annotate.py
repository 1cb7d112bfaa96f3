"""Boxes on images whose objects are a few pixels wide: thin lines, and words only where they cover no object."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

FONT, FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.4
PIXELS_A_LINE = 800
"""Image side for every pixel of line width."""


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
            f"annotate() needs a label and a text a box, got {len(xyxy)} boxes, {len(labels)} labels, {len(texts)} texts"
        )
    drawn = np.ascontiguousarray(rgb).copy()
    line = max(1, round(max(rgb.shape[:2]) / PIXELS_A_LINE))
    for box, label, text in zip(xyxy, labels, texts, strict=True):
        colour = tuple(int(c) for c in colours[label])
        # Edges lie on pixel corners: the last pixel of a box that ends at x is x - 1.
        x1, y1, x2, y2 = (int(v) for v in np.rint(box))
        cv2.rectangle(drawn, (x1, y1), (max(x1, x2 - 1), max(y1, y2 - 1)), colour, line)
        (text_w, text_h), _ = cv2.getTextSize(text, FONT, FONT_SCALE * line, line)
        if text_w + 4 * line <= x2 - x1 and 3 * text_h <= y2 - y1:
            place = (x1 + 2 * line, y1 + text_h + 2 * line)
            for ink, width in (((0, 0, 0), 3 * line), (colour, line)):  # readable on any ground
                cv2.putText(drawn, text, place, FONT, FONT_SCALE * line, ink, width, cv2.LINE_AA)
    return drawn
