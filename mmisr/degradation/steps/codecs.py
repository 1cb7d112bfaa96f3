"""What storing an image costs: JPEG, WebP, H.264, 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from mmisr.degradation.chance import whole
from mmisr.degradation.steps.base import Step, WholeSpan
from mmisr.ops.codecs import check_h264, check_webp, h264, webp
from mmisr.ops.jpeg import CHROMA, jpeg
from mmisr.registry import DEGRADATIONS
from mmisr.structures.pixels import to_unit

BLOCK = 8
"""Side of the blocks that JPEG codes, in pixels."""


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class JPEG(Step):
    """Real JPEG compression.

    Convention: a second compression is a second step; with ``shift`` its blocks lie elsewhere, as
    where a JPEG was cropped and saved again.

    Args:
        quality: Range of the quality, 1 to 100, both ends included.
        subsampling: Of the chroma: ``4:4:4``, ``4:2:2`` or ``4:2:0``.
        shift: So many pixels may the grid of blocks lie away from the image's corner, drawn for
            each axis; 0 to 7.

    Raises:
        ValueError: A value out of its limits, or an unknown subsampling.
    """

    quality: WholeSpan
    subsampling: str = "4:2:0"
    shift: int = 0

    def check(self) -> None:
        """See that the values make sense."""
        self.need_span("quality", 1, 100)
        self.need_choice("subsampling", CHROMA)
        if not 0 <= self.shift < BLOCK:
            raise ValueError(f"{self.title}: shift must be 0 to {BLOCK - 1}, got {self.shift}")

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Compress the image; its size stays."""
        quality = whole(draw, *self.quality)
        image = to_unit(levels)
        corner = self._corner(draw)
        compressed = jpeg(image, quality, self.subsampling, corner)
        return _levels(compressed)

    def _corner(self, draw: Generator) -> tuple[int, int]:
        """How far the grid begins above and to the left of the image."""
        if not self.shift:
            return 0, 0
        top = whole(draw, 0, self.shift)
        left = whole(draw, 0, self.shift)
        return top, left


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class WebP(Step):
    """Lossy WebP compression.

    Args:
        quality: Range of the quality, 1 to 100, both ends included.

    Raises:
        ValueError: A value out of its limits.
        ImportError: This Pillow cannot write WebP.
    """

    quality: WholeSpan

    def check(self) -> None:
        """See that the values make sense, and that WebP can be written."""
        self.need_span("quality", 1, 100)
        check_webp()

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Compress the image; its size stays."""
        quality = whole(draw, *self.quality)
        image = to_unit(levels)
        compressed = webp(image, quality)
        return _levels(compressed)


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class H264(Step):
    """A frame of a video that x264 encodes, see :func:`mmisr.ops.codecs.h264`.

    Args:
        crf: Range of the constant rate factor, 0 to 51, both ends included; more is worse.
        frames: Length of the clip: 1 for a keyframe, more for a frame that is predicted from those
            before, of a pan of a pixel a frame.

    Raises:
        ValueError: A value out of its limits.
        ImportError: PyAV is not installed, or was built without x264.
    """

    crf: WholeSpan
    frames: int = 1

    def check(self) -> None:
        """See that the values make sense, and that x264 is there."""
        self.need_span("crf", 0, 51)
        self.need_at_least("frames", 1)
        check_h264()

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Compress the image; its size stays."""
        crf = whole(draw, *self.crf)
        frames = int(self.frames)
        image = to_unit(levels)
        compressed = h264(image, crf, frames)
        return _levels(compressed)


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class Quantise(Step):
    """Clamp to 0..255 and round to whole levels.

    Args:
        halves: Where a half goes: to the ``even`` level, or ``up``.

    Raises:
        ValueError: Halves go nowhere else.
    """

    halves: Literal["even", "up"] = "even"

    def check(self) -> None:
        """See that the values make sense."""
        self.need_choice("halves", ("even", "up"))

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Round the image; its size stays."""
        clamped = levels.clamp(0, 255)
        if self.halves == "even":
            return torch.round(clamped)
        return torch.floor(clamped + 0.5)


def _levels(image: Tensor) -> Tensor:
    """[0, 1] on 8-bit levels to these levels."""
    return (image * 255).round()
