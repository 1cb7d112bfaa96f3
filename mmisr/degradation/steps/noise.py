"""Noise: Gaussian, and that of counted photons."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mmisr.degradation.chance import happens, uniform
from mmisr.degradation.steps.base import Span, Step
from mmisr.registry import DEGRADATIONS

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey."""


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class GaussianNoise(Step):
    """Gaussian noise of one standard deviation per image, clamped to 0..255.

    Args:
        sigma: Range of the standard deviation, on the 0..255 scale.
        gray_share: Share of the images whose channels all get the same noise.

    Raises:
        ValueError: A value out of its limits.
    """

    sigma: Span
    gray_share: float = 0.0

    def check(self) -> None:
        """See that the values make sense."""
        self.need_span("sigma", 0, 255)
        self.need_share("gray_share")

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Add noise; the size stays."""
        sigma = uniform(draw, *self.sigma)
        like = levels
        if happens(draw, self.gray_share):
            like = levels[:1]
        shape = like.shape
        dtype = levels.dtype
        normal = torch.randn(shape, generator=draw, dtype=dtype)
        noise = sigma * normal
        return _added(levels, noise)


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class PoissonNoise(Step):
    """The noise of counted photons, stronger where the image is brighter, clamped to 0..255.

    A level of v is the count of a Poisson variable of mean ``v / 255 * photons``; its variance is
    ``255 * v / photons``, so white has a standard deviation of ``255 / sqrt(photons)``.

    Args:
        photons: Range of the count of a white pixel; None as Real-ESRGAN has it: the power of two
            that is not below the number of the image's distinct levels, so 256 for most photos.
        scale: Range of a factor on the noise.
        gray_share: Share of the images whose channels all get the noise of the grey image.

    Raises:
        ValueError: A value out of its limits.
    """

    photons: Span | None = None
    scale: Span = (1.0, 1.0)
    gray_share: float = 0.0

    def check(self) -> None:
        """See that the values make sense."""
        self.need_positive("photons")
        self.need_span("scale", 0)
        self.need_share("gray_share")

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Add noise; the size stays."""
        scale = uniform(draw, *self.scale)
        clamped = levels.clamp(0, 255)
        rounded = clamped.round()
        counted = rounded.cpu()
        if happens(draw, self.gray_share):
            counted = _grey(counted)
        photons = self._photons(counted, draw)
        mean = counted / 255 * photons
        counts = torch.poisson(mean, generator=draw)
        seen = counts / photons * 255
        noise = scale * (seen - counted)
        return _added(levels, noise)

    def _photons(self, counted: Tensor, draw: Generator) -> float:
        """Of a white pixel."""
        if self.photons is not None:
            return uniform(draw, *self.photons)
        distinct = counted.unique()
        bits = math.log2(len(distinct))
        whole_bits = math.ceil(bits)
        return float(2**whole_bits)


def _added(levels: Tensor, noise: Tensor) -> Tensor:
    noisy = levels + noise.to(levels.device)
    return noisy.clamp(0, 255)


def _grey(levels: Tensor) -> Tensor:
    """(1, H, W) of (3, H, W), on whole levels."""
    weights = torch.tensor(LUMA, dtype=levels.dtype)
    grey = (weights[:, None, None] * levels).sum(0, keepdim=True)
    return grey.round()
