"""Real JPEG compression of a tensor."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from mmisr.ops.codecs import recoded

CHROMA = ("4:4:4", "4:2:2", "4:2:0")
"""Chroma at full size, at half the width, at half of both sides."""


def jpeg(
    image: Tensor, quality: int, subsampling: str = "4:2:0", corner: tuple[int, int] = (0, 0)
) -> Tensor:
    """Write and read back one image as JPEG (4:2:0, as cameras do).

    Args:
        image: (3, H, W) RGB in [0, 1].
        quality: Quality from 1 to 100, on libjpeg's scale.
        subsampling: One of :data:`CHROMA`.
        corner: So many pixels above the image and to the left of it does the grid of blocks begin,
            as where a JPEG was cropped; the first row and column stand there.

    Returns:
        (3, H, W) RGB in [0, 1], on 8-bit levels.

    Raises:
        ValueError: ``quality`` is not in 1..100, or there is no such subsampling.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"JPEG quality must be in 1..100, got {quality}")
    if subsampling not in CHROMA:
        raise ValueError(f"JPEG subsampling must be one of {CHROMA}, got {subsampling!r}")
    top, left = corner
    margins = [left, 0, top, 0]
    batch = image[None]
    padded = F.pad(batch, margins, mode="replicate")
    compressed = recoded(
        padded[0],
        "JPEG",
        quality=quality,
        subsampling=subsampling,
    )
    return compressed[:, top:, left:]
