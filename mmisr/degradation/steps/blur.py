"""Blurs: Gaussian and its relatives, sinc, lens, motion, and a kernel that is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from mmisr.degradation.chance import choice, happens, uniform, within
from mmisr.degradation.steps.base import (
    Span,
    Step,
    WholeSpan,
    check_kernel,
)
from mmisr.ops.blur import (
    blur,
    blur_by_fft,
    disc_kernel,
    gaussian_kernel,
    generalised_kernel,
    line_kernel,
    plateau_kernel,
    sinc_kernel,
)
from mmisr.registry import DEGRADATIONS

SHAPES = ("iso", "aniso")
RELATIVES = {"generalised": generalised_kernel, "plateau": plateau_kernel}
"""Kernels that have a ``beta``, by profile."""
PROFILES = ("gaussian", *RELATIVES)
LARGE = 7
"""Side of a kernel from which on the Fourier transform is faster."""
SHARPEST = 1e-3
"""Standard deviation in pixels that a blur of none is drawn with."""
SUMS_TO_ONE = 1e-3
"""So far from 1 may the sum of a kernel be that is given in a few decimals."""


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class Blur(Step):
    """A Gaussian blur, or one of its relatives.

    Args:
        sigma: Range of the standard deviation in pixels of the image as it is then.
        shape: ``iso`` draws one standard deviation, ``aniso`` one for each axis and a direction.
        side: Range of the kernel's side in pixels, of which odd ones are drawn; None for as many as
            three standard deviations reach.
        profile: ``gaussian``; ``generalised``, flatter or more peaked; ``plateau``.
        beta: Range of the power of the other two profiles, around 1: half of the images draw below
            1, half above.

    Raises:
        ValueError: An unknown shape or profile, or a range out of its limits; when called, that the
            image is smaller than a drawn side.
    """

    sigma: Span
    shape: Literal["iso", "aniso"] = "aniso"
    side: WholeSpan | None = None
    profile: Literal["gaussian", "generalised", "plateau"] = "gaussian"
    beta: Span = (1.0, 1.0)

    def check(self) -> None:
        """See that the values make sense."""
        self.need_span("sigma", 0)
        _check_side(self.title, self.side)
        self.need_choice("shape", SHAPES)
        self.need_choice("profile", PROFILES)
        self.need_positive("beta")
        low, high = self.beta
        if not low <= 1 <= high:
            raise ValueError(
                f"{self.title}: beta must be (low, high) with low <= 1 <= high, got "
                f"{tuple(self.beta)}"
            )

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Blur the image; its size stays."""
        kernel = self.kernel(draw)
        if self.side is None:
            return blur(levels[None], kernel)[0]
        return filtered(levels, kernel, self.title)

    def kernel(self, draw: Generator) -> Tensor:
        """(k, k) float64: the kernel of one image.

        Args:
            draw: Where chance comes from.
        """
        shares = torch.rand(3, generator=draw)
        along, across, turn = shares.tolist()
        if self.shape == "iso":
            across = along
            turn = 0.0
        sigmas = (self._sigma(along), self._sigma(across))
        angle = turn * math.pi
        side = None
        if self.side is not None:
            side = _drawn_side(draw, self.side)
        if self.profile == "gaussian":
            return gaussian_kernel(sigmas, angle, side)
        beta = self._beta(draw)
        return RELATIVES[self.profile](sigmas, beta, angle, side)

    def _sigma(self, share: float) -> float:
        return max(within(self.sigma, share), SHARPEST)

    def _beta(self, draw: Generator) -> float:
        """Below 1 for half of the images, above for the others."""
        low, high = self.beta
        if happens(draw, 0.5):
            return uniform(draw, low, 1.0)
        return uniform(draw, 1.0, high)


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class Sinc(Step):
    """A sinc filter, whose edges ring as those of sharpened images do.

    Args:
        cutoff: Range of the frequency from which on nothing passes, in radians a pixel, up to pi.
        side: Range of the kernel's side in pixels, of which odd ones are drawn.

    Raises:
        ValueError: A range out of its limits; when called, that the image is smaller than a drawn
            side.
    """

    cutoff: Span = (math.pi / 3, math.pi)
    side: WholeSpan = (7, 21)

    def check(self) -> None:
        """See that the values make sense."""
        self.need_positive("cutoff")
        self.need_span("cutoff", 0, math.pi)
        _check_side(self.title, self.side)

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Filter the image; its size stays."""
        side = _drawn_side(draw, self.side)
        cutoff = uniform(draw, *self.cutoff)
        kernel = sinc_kernel(cutoff, side)
        return filtered(levels, kernel, self.title)


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class Defocus(Step):
    """A lens out of focus: every point becomes a disc.

    Args:
        radius: Range of the disc's radius in pixels.

    Raises:
        ValueError: A range out of its limits; when called, that the image is smaller than the disc.
    """

    radius: Span

    def check(self) -> None:
        """See that the values make sense."""
        self.need_positive("radius")

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Blur the image; its size stays."""
        radius = uniform(draw, *self.radius)
        kernel = disc_kernel(radius)
        return filtered(levels, kernel, self.title)


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class MotionBlur(Step):
    """A camera that moves along a line, in a direction of the image's own.

    Args:
        length: Range of the line's length in pixels, from 1.

    Raises:
        ValueError: A range out of its limits; when called, that the image is smaller than the line.
    """

    length: Span

    def check(self) -> None:
        """See that the values make sense."""
        self.need_span("length", 1)

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Blur the image; its size stays."""
        length = uniform(draw, *self.length)
        angle = uniform(draw, 0.0, math.pi)
        kernel = line_kernel(length, angle)
        return filtered(levels, kernel, self.title)


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class Filter(Step):
    """A kernel that is given, one that was measured say.

    Args:
        kernel: Its rows; square, of an odd side, with the sum 1.

    Raises:
        ValueError: It is not; when called, that the image is smaller.
    """

    kernel: tuple[tuple[float, ...], ...]

    def check(self) -> None:
        """See that the values make sense."""
        side = len(self.kernel)
        is_square = all(len(row) == side for row in self.kernel)
        if side % 2 == 0 or not is_square:
            shape = f"{side} rows of {sorted({len(row) for row in self.kernel})} values"
            raise ValueError(
                f"{self.title}: kernel must be square with an odd side, got {shape}; pad it with 0"
            )
        sums = map(sum, self.kernel)
        total = sum(sums)
        if not abs(total - 1) <= SUMS_TO_ONE:
            raise ValueError(
                f"{self.title}: kernel must sum to 1, or the image gets brighter or darker, got "
                f"{total:g}; divide by it"
            )

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Filter the image; its size stays."""
        kernel = torch.tensor(self.kernel, dtype=torch.float64)
        return filtered(levels, kernel, self.title)


def filtered(levels: Tensor, kernel: Tensor, who: str) -> Tensor:
    """An image through a kernel.

    Args:
        levels: (3, H, W).
        kernel: (k, k), k odd.
        who: What messages call the step.

    Raises:
        ValueError: The kernel is larger than the image.
    """
    side = len(kernel)
    check_kernel(who, side, levels)
    image = levels[None]
    if side < LARGE:
        return blur(image, kernel)[0]
    return blur_by_fft(image, kernel)[0]


def _drawn_side(draw: Generator, span: WholeSpan) -> int:
    low, high = span
    odd = range(int(low), int(high) + 1, 2)
    return choice(draw, odd)


def _check_side(title: str, side: WholeSpan | None) -> None:
    if side is None:
        return
    low, high = side
    if not 1 <= low <= high or low % 2 == 0 or high % 2 == 0:
        raise ValueError(
            f"{title}: side must be (low, high), odd, with 1 <= low <= high, got {tuple(side)}"
        )
