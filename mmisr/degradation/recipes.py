"""Named, versioned recipes that turn HR into LR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from mmisr.degradation import spatial_noise
from mmisr.degradation.coco_d import SAME_SIZE, SMALLER, Change
from mmisr.ops.blur import blur, gaussian_kernel
from mmisr.ops.jpeg import jpeg
from mmisr.ops.resample import resize
from mmisr.structures.checks import check_fields
from mmisr.structures.pixels import to_unit

NEAR_LEVEL = 1e-3
"""Float32 pixels this close to an 8-bit level are that level."""
Draws = Sequence[Generator]
"""Where chance comes from, one per image."""
Reduce = Callable[[Tensor, tuple[int, int], Draws], Tensor]


def _matlab_bicubic(hr: Tensor, size_hw: tuple[int, int], draws: Draws) -> Tensor:
    return resize(hr, size_hw, "bicubic", antialias=True)


def _torch_bicubic_noaa(hr: Tensor, size_hw: tuple[int, int], draws: Draws) -> Tensor:
    return F.interpolate(hr, size=size_hw, mode="bicubic", align_corners=False, antialias=False)


def _cv2_area(hr: Tensor, size_hw: tuple[int, int], draws: Draws) -> Tensor:
    return resize(hr, size_hw, "area")


def _each(change: Change) -> Reduce:
    """A change of one image, for a batch."""

    def reduce(hr: Tensor, size_hw: tuple[int, int], draws: Draws) -> Tensor:
        images = []
        for image, draw in zip(hr, draws, strict=True):
            changed = change(image, size_hw, draw)
            images.append(changed)
        return torch.stack(images)

    return reduce


def _half_up(levels: Tensor, scale: int) -> Tensor:
    return torch.floor(levels + 0.5)


def _half_even(levels: Tensor, scale: int) -> Tensor:
    return torch.round(levels)


def _like_cv2(levels: Tensor, scale: int) -> Tensor:
    """OpenCV adds integers and shifts at x2, which rounds halves up.

    Elsewhere it rounds halves to even.
    """
    return _half_up(levels, scale) if scale == 2 else _half_even(levels, scale)


@dataclass(frozen=True)
class Recipe:
    """How pixels are reduced and how they are rounded to 8 bits.

    Args:
        version: Raised by every change of pixels; results name the recipe as ``name@version``.
        reduce: (B, 3, H, W), the LR size (height, width) and chance to the LR image.
        quantise: Levels (0 to 255) and the scale to whole levels.
        keeps_size: Whether it only changes pixels, so that the scale must be 1.
    """

    version: int
    reduce: Reduce
    quantise: Callable[[Tensor, int], Tensor]
    keeps_size: bool = False


RECIPES: dict[str, Recipe] = {
    "matlab_bicubic": Recipe(1, _matlab_bicubic, _half_up),
    "torch_bicubic_noaa": Recipe(1, _torch_bicubic_noaa, _half_even),
    "cv2_area": Recipe(1, _cv2_area, _like_cv2),
}
"""The recipes by name.

MATLAB's ``imresize(im2double(hr), 1/s)``, SR4IR's ``F.interpolate`` without antialias, OpenCV's
``INTER_AREA``.
"""
COCO_D: dict[str, Recipe] = {
    **{name: Recipe(1, _each(change), _half_even, True) for name, change in SAME_SIZE.items()},
    **{name: Recipe(1, _each(change), _half_even) for name, change in SMALLER.items()},
}
"""The test conditions of COCO-d, by name.

Source: AERIS (Cui et al., ECCV 2022); the images were never released, so these are made as its code
makes them, each from the image's own seed, and rounded to 8 bits. Widths of its blurs are read as
variances. Boxes stay as they are annotated, where the code divides them to whole pixels.
"""
NOISE: dict[str, Recipe] = {
    name: Recipe(1, _each(change), _half_even, True)
    for name, change in spatial_noise.SAME_SIZE.items()
}
"""Noise that differs within an image, by name, at scale 1; rounded to 8 bits.

Noise of one strength per image is ``noise_sigma`` of :class:`Degradation`.
"""
BY_NAME = {**RECIPES, **COCO_D, **NOISE}


@dataclass(frozen=True)
class Degradation:
    """HR to LR: blur, reduce, add noise, round to 8 bits, compress.

    Convention: arithmetic is in float64 on the 0..255 scale, where the weights of every recipe at
    x2 and x4 are exact binary fractions; so without blur the pixels cannot depend on the batch, the
    number of threads or the device.

    Args:
        scale: Reduction factor, a whole number.
        recipe: A name of :data:`RECIPES`, :data:`COCO_D` or :data:`NOISE`.
        blur_sigma: Range of the Gaussian's standard deviation in HR pixels; None for no blur.
        blur_shape: ``iso`` draws one standard deviation, ``aniso`` one for each axis and a
            direction.
        noise_sigma: Range of the standard deviation of Gaussian noise, on the 0..255 scale; None
            for no noise.
        jpeg_quality: Range of the JPEG quality, 1 to 100, both ends included; None for no
            compression.

    Raises:
        ValueError: An unknown recipe or shape, a scale below 1, or a range that is not (low, high)
            in its limits.
    """

    scale: int
    recipe: str = "matlab_bicubic"
    blur_sigma: tuple[float, float] | None = None
    blur_shape: Literal["iso", "aniso"] = "aniso"
    noise_sigma: tuple[float, float] | None = None
    jpeg_quality: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        check_fields(self, "SimulateLR")
        if self.recipe not in BY_NAME:
            raise ValueError(f"recipe must be one of {sorted(BY_NAME)}, got {self.recipe!r}")
        if self.blur_shape not in ("iso", "aniso"):
            raise ValueError(f"blur_shape must be 'iso' or 'aniso', got {self.blur_shape!r}")
        is_whole = not isinstance(self.scale, bool) and int(self.scale) == self.scale
        if not is_whole or self.scale < 1:
            raise ValueError(f"scale must be a whole number >= 1, got {self.scale}")
        if BY_NAME[self.recipe].keeps_size and self.scale != 1:
            raise ValueError(
                f"recipe {self.recipe!r} keeps the size of the image: scale must be 1, got "
                f"{self.scale}"
            )
        _check_range("blur_sigma", self.blur_sigma, 0, float("inf"))
        _check_range("noise_sigma", self.noise_sigma, 0, 255)
        _check_range("jpeg_quality", self.jpeg_quality, 1, 100)

    @property
    def name(self) -> str:
        """The recipe with its version and whatever is added to it, for result files."""
        version = BY_NAME[self.recipe].version
        words = [f"{self.recipe}@{version}", f"x{self.scale}"]
        added = {
            f"blur_{self.blur_shape}": self.blur_sigma,
            "noise": self.noise_sigma,
            "jpeg": self.jpeg_quality,
        }
        for step, span in added.items():
            if span is not None:
                low, high = span
                words.append(f"{step}={low:g}-{high:g}")
        return "+".join(words)

    def __call__(self, hr: Tensor, seeds: Sequence[int]) -> Tensor:
        """Degrade a batch.

        Every random choice of an image comes from its own seed, so that it gives the same LR pixels
        in any batch, worker and order.

        Args:
            hr: (B, 3, H, W) RGB in [0, 1]; H and W are multiples of ``scale``.
            seeds: One integer per image.

        Returns:
            (B, 3, H/s, W/s) RGB in [0, 1], on 8-bit levels; type and device of ``hr``.

        Raises:
            ValueError: A side is no multiple of the scale, or there is not one seed per image.

        Example:
            >>> Degradation(4)(torch.ones(2, 3, 8, 12), seeds=[0, 1]).shape
            torch.Size([2, 3, 2, 3])
        """
        scale = self.scale
        height, width = hr.shape[-2:]
        if height % scale or width % scale:
            raise ValueError(
                f"HR sides must be multiples of the scale {scale}, got {width}x{height}; put "
                f"mmisr.CropToMultiple before"
            )
        if len(seeds) != len(hr):
            raise ValueError(
                f"seeds must have one entry per image: {len(hr)} images, {len(seeds)} seeds"
            )
        recipe = BY_NAME[self.recipe]
        draws = [Generator().manual_seed(seed) for seed in seeds]
        levels = _to_levels(hr)
        levels = self._blur(levels, draws)
        lr_hw = height // scale, width // scale
        levels = recipe.reduce(levels, lr_hw, draws)
        levels = self._add_noise(levels, draws)
        levels = levels.clamp(0, 255)
        levels = recipe.quantise(levels, scale)
        lr = to_unit(levels).to(hr.dtype)
        return self._compress(lr, draws)

    def _blur(self, levels: Tensor, draws: Sequence[Generator]) -> Tensor:
        if self.blur_sigma is None:
            return levels
        blurred = []
        for image, draw in zip(levels, draws, strict=True):
            kernel = self._kernel(draw, self.blur_sigma)
            blurred.append(blur(image[None], kernel))
        return torch.cat(blurred)

    def _kernel(self, draw: Generator, span: tuple[float, float]) -> Tensor:
        shares = torch.rand(3, generator=draw)
        along, across, turn = shares.tolist()
        if self.blur_shape == "iso":
            across = along
            turn = 0.0
        sigma_x = _within(span, along)
        sigma_y = _within(span, across)
        sigmas = max(sigma_x, 1e-3), max(sigma_y, 1e-3)
        return gaussian_kernel(sigmas, turn * torch.pi)

    def _add_noise(self, levels: Tensor, draws: Sequence[Generator]) -> Tensor:
        if self.noise_sigma is None:
            return levels
        shape = levels.shape[1:]
        noise = []
        dtype = levels.dtype
        for draw in draws:
            share = torch.rand(1, generator=draw)
            sigma = _within(self.noise_sigma, float(share))
            normal = torch.randn(shape, generator=draw, dtype=dtype)
            noise.append(sigma * normal)
        added = torch.stack(noise)
        added = added.to(levels.device)
        return levels + added

    def _compress(self, lr: Tensor, draws: Sequence[Generator]) -> Tensor:
        if self.jpeg_quality is None:
            return lr
        low, high = self.jpeg_quality
        above = int(high) + 1  # both ends are drawn
        compressed = []
        for image, draw in zip(lr, draws, strict=True):
            drawn = torch.randint(int(low), above, (1,), generator=draw)
            quality = int(drawn)
            pixels = jpeg(image, quality)
            compressed.append(pixels)
        return torch.stack(compressed)


def _to_levels(image: Tensor) -> Tensor:
    """[0, 1] to 0..255 in float64, exactly where the image came from 8 bits."""
    levels = image.double() * 255
    whole = levels.round()
    return torch.where((levels - whole).abs() < NEAR_LEVEL, whole, levels)


def _check_range(
    name: str, span: tuple[float, float] | None, lowest: float, highest: float
) -> None:
    if span is not None and (len(span) != 2 or not lowest <= span[0] <= span[1] <= highest):
        raise ValueError(
            f"{name} must be (low, high) with {lowest} <= low <= high <= {highest}, got {span}"
        )


def _within(span: tuple[float, float], share: float) -> float:
    """The value that lies a share of the way from one end of a span to the other."""
    low, high = span
    return low + share * (high - low)
