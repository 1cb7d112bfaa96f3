"""Boxes and masks in a cut-out as SVG paths, which the page lays over its pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats, ImageRecord

HALF = 0.5
"""Half a pixel: where centres of pixels lie, and what the edge of a mask may be off by."""

Side = Literal["gt", "det"]
"""Which boxes of a record: annotated or found."""


def shapes(record: ImageRecord, side: Side, chosen: NDArray[Any], window: Sequence[float]) -> str:
    """Boxes of a record that touch a window, and their masks where it has some, as one SVG path.

    Args:
        record: The record, in the source frame.
        side: Which boxes.
        chosen: Indices, or a flag for each.
        window: Left, top, width and height in the source frame.
    """
    is_truth = side == "gt"
    boxes = record.gt_xyxy if is_truth else record.det_xyxy
    touching = boxes[chosen]
    path = outlines(touching, window)
    masks = record.masks
    if masks is None:
        return path
    counts = masks.gt if is_truth else masks.det
    numbers = np.arange(len(counts))
    numbers = numbers[chosen]
    for number in numbers.tolist():
        one = [counts[number]]
        (pixels,) = masks.pixels(one)
        path += contours(pixels, window)
    return path


def contours(mask: NDArray[np.uint8], window: Sequence[float]) -> str:
    """The edge of a mask in a window, as an SVG path.

    Convention: it runs through the middle of the outermost pixels; boxes run on pixel corners.

    Args:
        mask: (H, W) of 0 and 1.
        window: Left, top, width and height in pixels of the mask.
    """
    left, top, width, height = window
    x = max(0, math.floor(left))
    y = max(0, math.floor(top))
    right = math.ceil(left + width)
    bottom = math.ceil(top + height)
    inside = mask[y:bottom, x:right]
    pixels = np.ascontiguousarray(inside)
    lines, _ = cv2.findContours(pixels, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    corner = np.array([x - left, y - top])
    to_window = corner + HALF
    path = ""
    for line in lines:
        simple = cv2.approxPolyDP(line, HALF, True)
        points = simple[:, 0]
        moved = points + to_window
        path += _polygon(moved.tolist())
    return path


def _polygon(points: Sequence[Sequence[float]]) -> str:
    """One closed outline through points, in the words of an SVG path."""
    words = []
    for x, y in points:
        word = f"{_short(x)} {_short(y)}"
        words.append(word)
    through = "L".join(words)
    return f"M{through}z"


def outlines(xyxy: Floats, window: Sequence[float]) -> str:
    """Boxes that touch a window, as one SVG path.

    Args:
        xyxy: (N, 4) boxes.
        window: Left, top, width and height in the same frame.
    """
    left, top, width, height = window
    moved = xyxy - (left, top, left, top)
    path = ""
    for box in moved.tolist():
        x1, y1, x2, y2 = box
        touches_across = x1 < width and x2 > 0
        touches_down = y1 < height and y2 > 0
        touches = touches_across and touches_down
        if touches:
            path += _rectangle(*box)
    return path


def _rectangle(x1: float, y1: float, x2: float, y2: float) -> str:
    """One closed outline in the words of an SVG path."""
    left = _short(x1)
    return f"M{left} {_short(y1)}H{_short(x2)}V{_short(y2)}H{left}z"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
