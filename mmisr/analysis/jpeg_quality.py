"""PSNR of editors by how the LR image was compressed, on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.analysis.comparison.resample import draw, interval
from mmisr.analysis.depth import Seen
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.jpeg import jpeg
from mmisr.ops.psnr import psnr_of_levels
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_bytes

SHIFT = 4
"""Pixels by which the blocks of an earlier compression lie elsewhere: half a block, both ways."""

SEED = 0
"""Of the images that are drawn anew."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Compression:
    """How an LR image is compressed.

    Args:
        quality: JPEG quality, 1 to 100.
        before: Quality of an earlier compression whose blocks lie half a block away; None, the
            default, for none.

    Raises:
        ValueError: A quality is not in 1..100.
    """

    quality: int
    before: int | None = None

    def __post_init__(self) -> None:
        for value in (self.quality, self.before):
            if value is not None and not 1 <= value <= 100:
                raise ValueError(f"JPEG quality must be in 1..100, got {value}")

    @property
    def name(self) -> str:
        """For tables."""
        return str(self.quality) if self.before is None else f"{self.before}, then {self.quality}"

    def __call__(self, lr: Tensor) -> Tensor:
        """Compress.

        Args:
            lr: (1, 3, h, w) RGB in [0, 1].

        Returns:
            The same shape, on 8-bit levels.
        """
        image = lr[0]
        if self.before is not None:
            image = jpeg(image, self.before, corner=(SHIFT, SHIFT))
        compressed = jpeg(image, self.quality)
        return compressed[None]


@dataclass(frozen=True)
class QualityFigures:
    """One editor at one compression, over the images of a test set.

    Args:
        compression: Its name.
        editor: Its name.
        psnr: Mean in dB over RGB, on 8-bit levels, a border of the scale left out.
        interval: 95 % of the means when the images are drawn anew.
        gain: Mean of PSNR above the first editor's, on the same images.
        gain_interval: Its 95 %.
    """

    compression: str
    editor: str
    psnr: float
    interval: tuple[float, float]
    gain: float
    gain_interval: tuple[float, float]


def psnr_by_quality(
    editors: Mapping[str, SREditor],
    images: Sequence[Seen],
    compressions: Sequence[Compression],
    replicates: int = 1000,
) -> list[QualityFigures]:
    """Measure editors on images that are compressed in several ways.

    Args:
        editors: By name, in evaluation mode, of one scale; gains are over the first.
        images: With LR images that nobody compressed.
        compressions: What is done to each LR image.
        replicates: How often the images are drawn anew, for the intervals.

    Returns:
        A row per compression and editor.
    """
    counts = draw(len(images), replicates, SEED)
    rows = []
    for compression in compressions:
        first = None
        for name, editor in editors.items():
            psnrs = _psnrs(editor, images, compression)
            if first is None:
                first = psnrs
            gains = psnrs - first
            mean, span = _mean(psnrs, counts)
            gain, gain_span = _mean(gains, counts)
            row = QualityFigures(compression.name, name, mean, span, gain, gain_span)
            rows.append(row)
    return rows


@torch.no_grad()
def _psnrs(editor: SREditor, images: Sequence[Seen], compression: Compression) -> Floats:
    """Of each image, in dB."""
    psnrs = []
    info = editor.info
    for seen in images:
        lr = compression(seen.lr)
        sr = editor.upscale(lr, seen.hints).image
        made = hw_of(sr)
        wanted = hw_of(seen.hr)
        if made != wanted:
            raise ValueError(
                f"editor {info.name!r} makes {made} of LR images of {hw_of(lr)}, and HR images are "
                f"{wanted}; its scale must be that of the data"
            )
        levels = to_bytes(sr)
        target = to_bytes(seen.hr)
        psnr = psnr_of_levels(levels, target, shave=info.scale)
        psnrs.append(psnr.item())
    return np.array(psnrs)


def _mean(values: Floats, counts: NDArray[np.int64]) -> tuple[float, tuple[float, float]]:
    """The mean, and the interval of means over images drawn anew."""
    sums = counts @ values
    means = sums / len(values)
    return float(means[0]), interval(means[1:])
