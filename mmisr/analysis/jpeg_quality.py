"""PSNR of editors by how the LR image was compressed, on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

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
        image = lr
        if self.before is not None:
            # What is added above and left moves the blocks, and is cut off again.
            shifted = F.pad(image, (SHIFT, 0, SHIFT, 0), mode="replicate")
            image = jpeg(shifted[0], self.before)[None, :, SHIFT:, SHIFT:]
        return jpeg(image[0], self.quality)[None]


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
    first = next(iter(editors))
    rows = []
    for compression in compressions:
        values = {name: _psnrs(editor, images, compression) for name, editor in editors.items()}
        for name, psnrs in values.items():
            mean, span = _mean(psnrs, replicates)
            gain, gain_span = _mean(psnrs - values[first], replicates)
            rows.append(QualityFigures(compression.name, name, mean, span, gain, gain_span))
    return rows


@torch.no_grad()
def _psnrs(
    editor: SREditor, images: Sequence[Seen], compression: Compression
) -> NDArray[np.float64]:
    """Of each image, in dB."""
    psnrs = []
    for seen in images:
        sr = editor.upscale(compression(seen.lr), seen.hints).image
        if hw_of(sr) != hw_of(seen.hr):
            raise ValueError(
                f"editor {editor.info.name!r} makes {hw_of(sr)} of LR images of {hw_of(seen.lr)}, "
                f"and HR images are {hw_of(seen.hr)}; its scale must be that of the data"
            )
        psnr = psnr_of_levels(to_bytes(sr), to_bytes(seen.hr), shave=editor.info.scale)
        psnrs.append(float(psnr))
    return np.array(psnrs)


def _mean(values: NDArray[np.float64], replicates: int) -> tuple[float, tuple[float, float]]:
    """The mean, and the interval of means over images drawn anew."""
    count = len(values)
    counts = draw(count, replicates, SEED)
    means = counts @ values / count
    return float(means[0]), interval(means[1:])
