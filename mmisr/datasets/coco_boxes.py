"""When a box of a COCO file can be used: it is four numbers, has an area and lies in its image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmisr.datasets.coco_values import box_numbers

OVERSHOOT = 1.0
"""Pixels by which a box may leave its image before it counts as wrong: annotation tools round."""

NOWHERE = (0, 0, 0, 0)
"""Stands for a box that is not four numbers."""


@dataclass(frozen=True)
class BoxInImage:
    """What is left of a box inside its image.

    Args:
        xyxy: The box clipped to the image, in its pixels.
        overshoot: Pixels by which it left the image; 0 or less for none.
        numbers: How many numbers it was given by; 0 where it is no list of numbers.
    """

    xyxy: tuple[float, float, float, float]
    overshoot: float
    numbers: int

    @property
    def is_empty(self) -> bool:
        """Whether no area is left."""
        left, top, right, bottom = self.xyxy
        return right <= left or bottom <= top

    @property
    def is_outside(self) -> bool:
        """Whether it leaves the image by more than rounding explains."""
        return self.overshoot > OVERSHOOT


def box_in_image(bbox: Any, width: int, height: int) -> BoxInImage:
    """Clip a box to its image.

    Args:
        bbox: As the file has it: x, y, width and height in pixels.
        width: Of the image, in pixels.
        height: Of the image, in pixels.

    Returns:
        What is left of it; empty where it is not four numbers.

    Example:
        >>> box_in_image([-3, 5, 10, 10], 64, 48).xyxy
        (0, 5, 7, 15)
    """
    x, y, w, h = box_numbers(bbox) or NOWHERE
    right = x + w
    bottom = y + h
    clipped = (
        max(x, 0),
        max(y, 0),
        min(right, width),
        min(bottom, height),
    )
    overshoot = max(
        -x,
        -y,
        right - width,
        bottom - height,
    )
    count = 0
    if isinstance(bbox, (list, tuple)):
        count = len(bbox)
    return BoxInImage(clipped, overshoot, count)
