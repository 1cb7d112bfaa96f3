"""Gaussian noise whose strength changes across the image."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from mmisr.degradation.coco_d import Change
from mmisr.structures.frames import hw_of

STRONGEST = 50.0
"""Standard deviation on the 0..255 scale that the noise comes to."""


def linear_noise(image: Tensor, size_hw: tuple[int, int], draw: Generator) -> Tensor:
    """Noise that grows from none at the left border to 50 at the right.

    Source: the setting "linear [0, 50]" of Path-Restore (Yu et al., TPAMI 2021).

    Args:
        image: (3, H, W) on the 0..255 scale.
        size_hw: Not looked at: the size stays.
        draw: Where chance comes from.

    Returns:
        (3, H, W), neither clamped nor rounded.
    """
    sigmas = linear_sigmas(hw_of(image)[1])
    normal = torch.randn(image.shape, generator=draw)
    noise = sigmas * normal
    return image + noise.to(image)


def linear_sigmas(width: int) -> Tensor:
    """Standard deviation at every column of :func:`linear_noise`.

    Args:
        width: Of the image in pixels.

    Returns:
        (width,) on the 0..255 scale.

    Example:
        >>> linear_sigmas(3)
        tensor([ 0., 25., 50.])
    """
    return torch.linspace(0, STRONGEST, width)


SAME_SIZE: dict[str, Change] = {"linear_noise": linear_noise}
"""By the names of their recipes."""
