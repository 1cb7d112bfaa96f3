"""Named, versioned recipes that turn HR into LR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.ops.blur import blur, gaussian_kernel
from mmisr.ops.jpeg import jpeg
from mmisr.ops.resample import resize

Reduce = Callable[[Tensor, tuple[int, int]], Tensor]


def _matlab_bicubic(hr: Tensor, size: tuple[int, int]) -> Tensor:
    return resize(hr, size, "bicubic", antialias=True)


def _torch_bicubic_noaa(hr: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(hr, size=size, mode="bicubic", align_corners=False, antialias=False)


def _cv2_area(hr: Tensor, size: tuple[int, int]) -> Tensor:
    return resize(hr, size, "area")


RECIPES: dict[str, tuple[int, Reduce]] = {
    "matlab_bicubic": (1, _matlab_bicubic),
    "torch_bicubic_noaa": (1, _torch_bicubic_noaa),
    "cv2_area": (1, _cv2_area),
}
"""Version and reducer by name: antialiased as in the SR literature; SR4IR's, without antialias; OpenCV's INTER_AREA.

A change of pixels is a new version: results name the recipe as ``name@version``.
"""


@dataclass(frozen=True)
class Degradation:
    """HR to LR: blur, reduce, add noise, round to 8 bits, compress.

    Args:
        scale: Reduction factor, a whole number.
        recipe: A name of :data:`RECIPES`.
        blur_sigma: Range of the Gaussian's standard deviations in HR pixels, drawn per axis; None for no blur.
        noise_sigma: Range of the noise's standard deviation on the 0..255 scale; None for no noise.
        jpeg_quality: Range of the JPEG quality; None for no compression.

    Raises:
        ValueError: An unknown recipe, a scale below 1, or a range that is not (low, high) with 0 <= low <= high.
    """

    scale: int
    recipe: str = "matlab_bicubic"
    blur_sigma: tuple[float, float] | None = None
    noise_sigma: tuple[float, float] | None = None
    jpeg_quality: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES:
            raise ValueError(f"recipe must be one of {sorted(RECIPES)}, got {self.recipe!r}")
        if self.scale < 1 or int(self.scale) != self.scale:
            raise ValueError(f"scale must be a whole number >= 1, got {self.scale}")
        for name in ("blur_sigma", "noise_sigma", "jpeg_quality"):
            span = getattr(self, name)
            if span is not None and (len(span) != 2 or not 0 <= span[0] <= span[1]):
                raise ValueError(f"{name} must be (low, high) with 0 <= low <= high, got {span}")

    @property
    def name(self) -> str:
        """The recipe with its version and whatever is added to it, for result files."""
        extras = [f"{k}={getattr(self, k)}" for k in ("blur_sigma", "noise_sigma", "jpeg_quality") if getattr(self, k)]
        return "+".join([f"{self.recipe}@{RECIPES[self.recipe][0]}", f"x{self.scale}", *extras])

    def __call__(self, hr: Tensor, seeds: Sequence[int]) -> Tensor:
        """Degrade a batch.

        Every random choice of an image comes from its own seed, so that it gives the same LR pixels in any batch, worker
        and order.

        Args:
            hr: (B, 3, H, W) RGB in [0, 1]; H and W are multiples of ``scale``.
            seeds: One integer an image.

        Returns:
            (B, 3, H/s, W/s) RGB in [0, 1], on 8-bit levels.

        Raises:
            ValueError: A side is no multiple of the scale, or there is not one seed an image.
        """
        h, w = hr.shape[-2:]
        if h % self.scale or w % self.scale:
            raise ValueError(
                f"HR sides must be multiples of the scale {self.scale}, got {w}x{h}; put mmisr.CropToMultiple before"
            )
        if len(seeds) != len(hr):
            raise ValueError(f"seeds must have one entry per image: {len(hr)} images, {len(seeds)} seeds")
        return torch.stack([self._one(image, seed) for image, seed in zip(hr, seeds, strict=True)])

    def _one(self, hr: Tensor, seed: int) -> Tensor:
        draw = torch.Generator().manual_seed(seed)
        image = hr[None]
        if self.blur_sigma is not None:
            x, y, angle = (float(v) for v in torch.rand(3, generator=draw))
            low, high = self.blur_sigma
            sigmas = (max(low + x * (high - low), 1e-3), max(low + y * (high - low), 1e-3))
            image = blur(image, gaussian_kernel(sigmas, angle * torch.pi))
        size = (hr.shape[-2] // self.scale, hr.shape[-1] // self.scale)
        lr = RECIPES[self.recipe][1](image, size)[0]
        if self.noise_sigma is not None:
            low, high = self.noise_sigma
            sigma = low + float(torch.rand(1, generator=draw)) * (high - low)
            lr = lr + torch.randn(lr.shape, generator=draw).to(lr) * (sigma / 255)
        lr = (lr.clamp(0, 1) * 255).round() / 255
        if self.jpeg_quality is not None:
            low, high = self.jpeg_quality
            lr = jpeg(lr, int(torch.randint(int(low), int(high) + 1, (1,), generator=draw)))
        return lr
