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
    if layout.is_whole:
        return results[0].image[0].float()
    height, width = hw_of(lr)
    target = height * scale, width * scale
    enlarged = resize(lr[None].float(), target, "bicubic")
    frame = enlarged[0].clamp(0, 1)
    layout.paste([image.float() for image in images_of(results)], frame)
    return frame
