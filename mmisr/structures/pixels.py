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
        """An image stored as this spec says, stored as another says; differentiable, no rounding.

        Args:
            image: (..., 3, H, W) floating point.
            to: The other spec.

        Returns:
            (..., 3, H, W).

        Example:
            >>> red = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)
            >>> PixelSpec("RGB", 1.0).convert(red, PixelSpec("BGR", 255.0)).flatten()
            tensor([  0.,   0., 255.])
        """
        if self.order != to.order:
            image = image.flip(-3)
        if self.max_value == to.max_value:
            return image
        stretch = to.max_value / self.max_value
        return image * stretch


def to_unit(image: Tensor) -> Tensor:
    """8-bit pixels as values in [0, 1].

    Args:
        image: (..., H, W) uint8, or floating point from 0 to 255, whose type stays.

    Returns:
        The same shape; float32 from uint8.

    Example:
        >>> to_unit(torch.tensor([[[0, 51, 255]]], dtype=torch.uint8))
        tensor([[[0.0000, 0.2000, 1.0000]]])
    """
    values = image if image.is_floating_point() else image.float()
    return values / 255


def to_bytes(image: Tensor) -> Tensor:
    """Values in [0, 1] as 8-bit pixels: clamped, and rounded to the nearest level.

    Args:
        image: (..., H, W) floating point.

    Returns:
        The same shape, uint8.

    Example:
        >>> to_bytes(torch.tensor([[[-0.1, 0.2, 1.5]]]))
        tensor([[[  0,  51, 255]]], dtype=torch.uint8)
    """
    return (image.detach().clamp(0, 1) * 255).round().to(torch.uint8)


EDITOR_PIXELS = PixelSpec("RGB", 1.0)
"""What every SR editor reads and writes."""

MMDET_PIXELS = PixelSpec("BGR", 255.0)
"""What every mmdet data preprocessor expects, whatever it converts to afterwards."""
