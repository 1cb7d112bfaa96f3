"""Pasting: a whole SR image from the windows that were super-resolved."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmisr.ops.resample import resize
from mmisr.pipeline.windows.layout import Layout
from mmisr.structures.frames import hw_of
from mmisr.structures.sr_result import SRResult, images_of


def pasted(lr: Tensor, layout: Layout, results: Sequence[SRResult], scale: int) -> Tensor:
    """The cores of super-resolved windows on a bicubic frame.

    Args:
        lr: (3, h, w) RGB in [0, 1].
        layout: Its windows.
        results: One per sheet, of batch size 1.
        scale: Factor of the editor.

    Returns:
        (3, s*h, s*w) float32 RGB in [0, 1].
    """
    sheets = [image.float() for image in images_of(results)]
    if layout.is_whole:
        return sheets[0]
    lr = lr.float()
    height, width = hw_of(lr)
    target_hw = height * scale, width * scale
    frame = bicubic(lr, target_hw)
    layout.paste(sheets, frame)
    return frame


def bicubic(image: Tensor, target_hw: tuple[int, int]) -> Tensor:
    """(3, h, w) at another size, RGB in [0, 1].

    Args:
        image: (3, h, w) RGB in [0, 1].
        target_hw: Height and width.
    """
    resized = resize(image[None], target_hw, "bicubic")
    return resized[0].clamp(0, 1)
