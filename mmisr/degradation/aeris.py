"""Degraded views of AERIS: images of any size, blurred and noisy, that a detector learns from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from mmisr.degradation.chance import choice, uniform
from mmisr.ops.blur import blur, gaussian_kernel
from mmisr.ops.resample import resize
from mmisr.structures.checks import check_fields
from mmisr.structures.frames import hw_of

MODES = ("full", "nb", "resolution")
KERNEL_SIDES = tuple(range(7, 22, 2))
"""Sides of the blur's kernels, in pixels."""
RESIZES = ("nearest", "bilinear", "bicubic")


@dataclass(frozen=True)
class Blur:
    """A Gaussian blur.

    Args:
        side: Side of the kernel in pixels, odd.
        variances: Along the two axes, in square pixels: the eigenvalues of Sigma.
        angle: Of the first axis in radians, from x with y pointing down.
    """

    side: int
    variances: tuple[float, float]
    angle: float = 0.0

    @property
    def kernel(self) -> Tensor:
        """(side, side) float64: the density on the centred grid of whole pixels; sums to 1."""
        along, across = self.variances
        sigmas = math.sqrt(along), math.sqrt(across)
        return gaussian_kernel(sigmas, self.angle, self.side)


@dataclass(frozen=True)
class Draw:
    """What chance decided for one image.

    Args:
        blur: None for none.
        resize: One of :data:`RESIZES`.
        noise_sigma: Standard deviation of the noise, on the 0..255 scale.
    """

    blur: Blur | None
    resize: str
    noise_sigma: float


def draw_blur(draw: Generator) -> Blur | None:
    """The blur of one image: none, isotropic or anisotropic, each as likely.

    Source: official code of AERIS (Cui et al., ECCV 2022). Isotropic: Sigma = diag(l, l) with l in
    U(0.1, 2.4), which is the variance. Anisotropic: l1 in U(0.5, 6), l2 in U(0.5, l1), an angle in
    U(0, pi).

    Args:
        draw: Where chance comes from.
    """
    side = choice(draw, KERNEL_SIDES)
    kind = choice(draw, ("none", "iso", "aniso"))
    if kind == "none":
        return None
    if kind == "iso":
        variance = uniform(draw, 0.1, 2.4)
        return Blur(side, (variance, variance))
    along = uniform(draw, 0.5, 6.0)
    across = uniform(draw, 0.5, along)
    angle = uniform(draw, 0.0, math.pi)
    return Blur(side, (along, across), angle)


def blurred(image: Tensor, change: Blur | None) -> Tensor:
    """Filter an image.

    Args:
        image: (3, H, W), floating point, any scale.
        change: None leaves it as it is.

    Returns:
        (3, H, W).
    """
    if change is None:
        return image
    return blur(image[None], change.kernel)[0]


def noisy(image: Tensor, sigma: float, draw: Generator) -> Tensor:
    """Add Gaussian noise of one standard deviation.

    Args:
        image: (3, H, W), floating point.
        sigma: Standard deviation, on the image's scale.
        draw: Where chance comes from; on the CPU, so that devices agree.

    Returns:
        (3, H, W), not clamped.
    """
    normal = torch.randn(image.shape, generator=draw)
    noise = normal.to(image)
    return image + sigma * noise


@dataclass(frozen=True)
class AerisViews:
    """The random degradation t(x) of a batch: one factor for all, the rest drawn for each image.

    Once per batch a side is drawn for the longest side of its images, of the multiples of
    ``multiple`` between 1/high and 1/low of it; every image is reduced by that factor. Per image:
    blur (:func:`draw_blur`), a resize of a random kernel, Gaussian noise.

    Source: AERIS (Cui et al., ECCV 2022) and its official code. There all images are 512 x 512, so
    that the sides are 128, 160, ..., 512. Kernels of the resize are those of
    :func:`mmisr.ops.resample.resize`; boxes follow by
    :class:`~mmisr.structures.frames.FrameMap`, without the code's division to whole pixels.

    Args:
        scale: Range (low, high) of the factor of reduction, from 1 upwards.
        mode: ``full``: as above. ``nb``: the same, and back to the size of the image by bicubic
            interpolation. ``resolution``: the resize alone.
        multiple: Step of the sides in pixels.
        noise_sigma: Range of the standard deviation of the noise, on the 0..255 scale.
        antialias: Whether the resize filters before it shrinks. AERIS does not; the LR recipes of
            the house do.

    Raises:
        ValueError: A mode that there is not, or a value out of range.
    """

    scale: tuple[float, float] = (1.0, 4.0)
    mode: Literal["full", "nb", "resolution"] = "full"
    multiple: int = 32
    noise_sigma: tuple[float, float] = (0.0, 25.0)
    antialias: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "strategy Aeris: views")
        if self.mode not in MODES:
            raise ValueError(
                f"strategy Aeris: views.mode must be one of {', '.join(MODES)}, got {self.mode!r}"
            )
        low, high = self.scale
        if not 1 <= low <= high < math.inf:
            raise ValueError(
                "strategy Aeris: views.scale must be (low, high) with 1 <= low <= high, got "
                f"{tuple(self.scale)}"
            )
        weakest, strongest = self.noise_sigma
        if self.multiple < 1 or not 0 <= weakest <= strongest <= 255:
            raise ValueError(
                "strategy Aeris: views needs multiple >= 1 and noise_sigma (low, high) with "
                f"0 <= low <= high <= 255, got multiple={self.multiple}, "
                f"noise_sigma={tuple(self.noise_sigma)}"
            )

    def sides(self, longest: int) -> list[int]:
        """The sides that the longest side of a batch may be given, in pixels.

        Args:
            longest: That side.

        Raises:
            ValueError: There is none.

        Example:
            >>> AerisViews().sides(512)[:3], AerisViews(scale=(6, 10), multiple=8).sides(320)
            ([128, 160, 192], [32, 40, 48])
        """
        low, high = self.scale
        steps = longest / self.multiple
        # 320 / 3.2 must count as 100 whatever its last bit.
        first = math.ceil(steps / high - 1e-9)
        last = math.floor(steps / low + 1e-9)
        if last < first:
            raise ValueError(
                f"strategy Aeris: no multiple of {self.multiple} lies between 1/{high:g} and "
                f"1/{low:g} of an image's {longest} pixels; set a smaller views.multiple or a "
                "wider views.scale"
            )
        counts = range(first, last + 1)
        return [count * self.multiple for count in counts]

    def draw(self, draw: Generator) -> Draw:
        """What is drawn for one image.

        Args:
            draw: Where chance comes from.
        """
        change = draw_blur(draw)
        kernel = choice(draw, RESIZES)
        sigma = uniform(draw, *self.noise_sigma)
        return Draw(change, kernel, sigma)

    def view(self, image: Tensor, hw: tuple[int, int], drawn: Draw, draw: Generator) -> Tensor:
        """Degrade one image.

        Args:
            image: (3, H, W) in [0, 1].
            hw: Height and width to reduce it to.
            drawn: What was drawn for it.
            draw: Where the noise comes from.

        Returns:
            (3, *hw), or (3, H, W) in mode ``nb``; neither clamped nor rounded.
        """
        if self.mode == "resolution":
            return self._reduced(image, hw, drawn)
        soft = blurred(image, drawn.blur)
        small = self._reduced(soft, hw, drawn)
        sigma = drawn.noise_sigma / 255
        rough = noisy(small, sigma, draw)
        if self.mode == "full":
            return rough
        whole_hw = hw_of(image)
        whole = resize(rough[None], whole_hw, "bicubic")
        return whole[0]

    def __call__(
        self, images: Sequence[Tensor], batch_seed: int, seeds: Sequence[int]
    ) -> list[Tensor]:
        """Degrade a batch.

        Args:
            images: (3, H_i, W_i) RGB in [0, 1], of any sizes.
            batch_seed: What the batch's factor is drawn by.
            seeds: One integer per image: what its blur, resize and noise are drawn by.

        Returns:
            One image each, as :meth:`view`.

        Raises:
            ValueError: No side fits the batch.

        Example:
            >>> [view] = AerisViews(scale=(2, 2))([torch.rand(3, 64, 128)], 0, [0])
            >>> view.shape
            torch.Size([3, 32, 64])
        """
        longest = max(max(hw_of(image)) for image in images)
        sides = self.sides(longest)
        draw = Generator().manual_seed(batch_seed)
        side = choice(draw, sides)
        factor = side / longest
        views = []
        for image, seed in zip(images, seeds, strict=True):
            hw = _scaled_hw(hw_of(image), factor)
            own = Generator().manual_seed(seed)
            drawn = self.draw(own)
            view = self.view(image, hw, drawn, own)
            views.append(view)
        return views

    def _reduced(self, image: Tensor, hw: tuple[int, int], drawn: Draw) -> Tensor:
        return resize(image[None], hw, drawn.resize, self.antialias)[0]


def _scaled_hw(hw: tuple[int, int], factor: float) -> tuple[int, int]:
    """A size times a factor, in whole pixels, at least one."""
    height, width = hw
    return max(1, round(height * factor)), max(1, round(width * factor))
