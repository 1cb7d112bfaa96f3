"""The luminance that criteria of luminance compare, and the checks of their images."""

from __future__ import annotations

import torch
from torch import Tensor

from mmisr.structures.frames import hw_of

WEIGHTS = (0.299, 0.587, 0.114)
"""Of R, G and B, as in ITU-R BT.601."""


def luma(image: Tensor) -> Tensor:
    """The luminance of an image.

    Source: ITU-R BT.601, full range, which MATLAB's ``rgb2gray`` computes too.

    Args:
        image: (3, H, W) RGB in [0, 1].

    Returns:
        (H, W) from 0 to 255, double precision, on the CPU.

    Raises:
        ValueError: The shape is another.
        TypeError: The image is not floating point.

    Example:
        >>> luma(torch.ones(3, 1, 2)).tolist()
        [[255.0, 255.0]]
    """
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"image must have shape (3, H, W), got {tuple(image.shape)}")
    if not image.is_floating_point():
        raise TypeError(
            f"image must be floating point in [0, 1], got {image.dtype}; divide 8-bit pixels by 255"
        )
    on_cpu = image.detach().cpu()
    pixels = on_cpu.double()
    weights = pixels.new_tensor(WEIGHTS)
    grey = torch.einsum("c,chw->hw", weights, pixels)
    return 255 * grey


def check_luma(reference: Tensor, test: Tensor, smallest: int, name: str) -> None:
    """See that two images can be compared.

    Args:
        reference: (H, W) luminance.
        test: The other image.
        smallest: The shortest side that the criterion can do with.
        name: Of the criterion, for the message.

    Raises:
        ValueError: The shapes differ, or a side is too short.
    """
    if reference.ndim != 2 or reference.shape != test.shape:
        first = tuple(reference.shape)
        second = tuple(test.shape)
        raise ValueError(
            f"{name} compares two images of one shape (H, W), got {first} and {second}"
        )
    height, width = hw_of(reference)
    if min(height, width) < smallest:
        raise ValueError(f"{name} needs {smallest} pixels on each side, got {height}x{width}")


def check_mask(mask: Tensor, image: Tensor) -> Tensor:
    """See that a mask belongs to an image.

    Args:
        mask: (H, W) bool.
        image: (H, W).

    Raises:
        ValueError: The shapes differ.
    """
    if mask.shape != image.shape:
        raise ValueError(
            f"mask must have the image's shape {tuple(image.shape)}, got {tuple(mask.shape)}"
        )
    return mask.bool()
