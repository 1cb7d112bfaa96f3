"""Real JPEG compression of a tensor."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mmisr.structures.pixels import to_bytes, to_unit


def jpeg(image: Tensor, quality: int) -> Tensor:
    """Write and read back one image as JPEG (4:2:0, as cameras do).

    Args:
        image: (3, H, W) RGB in [0, 1].
        quality: Quality from 1 to 100, on libjpeg's scale.

    Returns:
        (3, H, W) RGB in [0, 1], on 8-bit levels.

    Raises:
        ValueError: ``quality`` is not in 1..100.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"JPEG quality must be in 1..100, got {quality}")
    pixels = to_bytes(image).permute(1, 2, 0)
    picture = Image.fromarray(pixels.cpu().numpy())
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=quality)
    decoded = Image.open(buffer).convert("RGB")
    pixels = torch.from_numpy(np.array(decoded))
    pixels = pixels.permute(2, 0, 1)
    return to_unit(pixels.to(image))
