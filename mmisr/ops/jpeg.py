"""Real JPEG compression of a tensor."""

from __future__ import annotations

from torch import Tensor

from mmisr.ops.codecs import recoded

CHROMA = ("4:4:4", "4:2:2", "4:2:0")
"""Chroma at full size, at half the width, at half of both sides."""


def jpeg(image: Tensor, quality: int, subsampling: str = "4:2:0") -> Tensor:
    """Write and read back one image as JPEG (4:2:0, as cameras do).

    Args:
        image: (3, H, W) RGB in [0, 1].
        quality: Quality from 1 to 100, on libjpeg's scale.
        subsampling: One of :data:`CHROMA`.

    Returns:
        (3, H, W) RGB in [0, 1], on 8-bit levels.

    Raises:
        ValueError: ``quality`` is not in 1..100, or there is no such subsampling.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"JPEG quality must be in 1..100, got {quality}")
    if subsampling not in CHROMA:
        raise ValueError(f"JPEG subsampling must be one of {CHROMA}, got {subsampling!r}")
    return recoded(image, "JPEG", quality=quality, subsampling=subsampling)
