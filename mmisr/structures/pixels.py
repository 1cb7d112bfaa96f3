"""How pixels are stored on either side of the handoff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class PixelSpec:
    """Channel order and value range of an image tensor.

    Args:
        order: Channel order along axis -3.
        max_value: The value of white; black is 0.

    Raises:
        ValueError: ``max_value`` is not positive.
    """

    order: Literal["RGB", "BGR"]
    max_value: float

    def __post_init__(self) -> None:
        if not self.max_value > 0:
            raise ValueError(f"max_value must be positive, got {self.max_value}")

    def convert(self, image: Tensor, to: PixelSpec) -> Tensor:
        """Return ``image`` (..., 3, H, W), stored as this spec says, as ``to`` says.

        Differentiable, no rounding.
        """
        if self.order != to.order:
            image = image.flip(-3)
        return image if self.max_value == to.max_value else image * (to.max_value / self.max_value)


def to_unit(image: Tensor) -> Tensor:
    """8-bit pixels as values in [0, 1].

    Args:
        image: (..., H, W) uint8, or floating point from 0 to 255, whose type stays.

    Returns:
        The same shape; float32 from uint8.
    """
    return (image if image.is_floating_point() else image.float()) / 255


def to_bytes(image: Tensor) -> Tensor:
    """Values in [0, 1] as 8-bit pixels: clamped, and rounded to the nearest level.

    Args:
        image: (..., H, W) floating point.

    Returns:
        The same shape, uint8.
    """
    return (image.detach().clamp(0, 1) * 255).round().to(torch.uint8)


EDITOR_PIXELS = PixelSpec("RGB", 1.0)
"""What every SR editor reads and writes."""

MMDET_PIXELS = PixelSpec("BGR", 255.0)
"""What every mmdet data preprocessor expects, whatever it converts to afterwards."""
