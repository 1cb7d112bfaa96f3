"""Named, versioned recipes that turn HR into LR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Generator, Tensor

from mmisr.degradation import spatial_noise
from mmisr.degradation.coco_d import SAME_SIZE, SMALLER, Change
from mmisr.degradation.pipeline import Pipeline, check_scale
from mmisr.degradation.steps.base import Step, check_span
from mmisr.degradation.steps.blur import Blur
from mmisr.degradation.steps.codecs import JPEG, Quantise
from mmisr.degradation.steps.noise import GaussianNoise
from mmisr.degradation.steps.resize import TORCH_BICUBIC, Resize
from mmisr.structures.checks import check_fields

CHANGES: dict[str, Change] = {**SAME_SIZE, **SMALLER, **spatial_noise.SAME_SIZE}
"""What steps of this package's own recipes do, by name."""


@dataclass(frozen=True)
class Changed(Step):
    """A step that is a function of this package, by its name.

    Args:
        change: Name of its recipe.
    """

    change: str

    def check(self) -> None:
        """See that there is such a function."""
        if self.change not in CHANGES:
            raise ValueError(
                f"{self.title}: change must be one of {', '.join(CHANGES)}, got {self.change!r}"
            )

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Call the function."""
        return CHANGES[self.change](levels, lr_hw, draw)


@dataclass(frozen=True)
class Recipe:
    """How pixels are reduced and how they are rounded to 8 bits.

    Args:
        version: Raised by every change of pixels; results name the recipe as ``name@version``.
        reduce: From the HR to the LR size.
        halves: Where a half level goes: ``even``, ``up``, or ``cv2``: up at x2, where OpenCV adds
            integers and shifts, and to even elsewhere.
        keeps_size: Whether it only changes pixels, so that the scale must be 1.
    """

    version: int
    reduce: Step
    halves: Literal["even", "up", "cv2"]
    keeps_size: bool = False

    def quantise(self, scale: int) -> Quantise:
        """The rounding of a scale.

        Args:
            scale: Reduction factor.
        """
        if self.halves == "cv2":
            return Quantise("up" if scale == 2 else "even")
        return Quantise(self.halves)


RECIPES: dict[str, Recipe] = {
    "matlab_bicubic": Recipe(1, Resize("bicubic"), "up"),
    "torch_bicubic_noaa": Recipe(1, Resize(TORCH_BICUBIC, antialias=False), "even"),
    "cv2_area": Recipe(1, Resize("area"), "cv2"),
}
"""The recipes by name.

MATLAB's ``imresize(im2double(hr), 1/s)``, SR4IR's ``F.interpolate`` without antialias, OpenCV's
``INTER_AREA``.
"""
COCO_D: dict[str, Recipe] = {
    **{name: Recipe(1, Changed(name), "even", True) for name in SAME_SIZE},
    **{name: Recipe(1, Changed(name), "even") for name in SMALLER},
}
"""The test conditions of COCO-d, by name.

Source: AERIS (Cui et al., ECCV 2022); the images were never released, so these are made as its code
makes them, each from the image's own seed, and rounded to 8 bits. Widths of its blurs are read as
variances. Boxes stay as they are annotated, where the code divides them to whole pixels.
"""
NOISE: dict[str, Recipe] = {
    name: Recipe(1, Changed(name), "even", True) for name in spatial_noise.SAME_SIZE
}
"""Noise that differs within an image, by name, at scale 1; rounded to 8 bits.

Noise of one strength per image is ``noise_sigma`` of :class:`Degradation`.
"""
BY_NAME = {**RECIPES, **COCO_D, **NOISE}


@dataclass(frozen=True)
class Degradation:
    """HR to LR: blur, reduce, add noise, round to 8 bits, compress.

    The steps are those of :class:`~mmisr.degradation.pipeline.Pipeline`, in this order.

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
        check_scale(self.scale)
        if BY_NAME[self.recipe].keeps_size and self.scale != 1:
            raise ValueError(
                f"recipe {self.recipe!r} keeps the size of the image: scale must be 1, got "
                f"{self.scale}"
            )
        check_span("blur_sigma", self.blur_sigma, 0, float("inf"))
        check_span("noise_sigma", self.noise_sigma, 0, 255)
        check_span("jpeg_quality", self.jpeg_quality, 1, 100)

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
        pipeline = Pipeline(self.scale, self.steps)
        return pipeline(hr, seeds)

    @property
    def steps(self) -> tuple[Step, ...]:
        """What happens, in this order."""
        recipe = BY_NAME[self.recipe]
        steps: list[Step] = []
        if self.blur_sigma is not None:
            steps.append(Blur(self.blur_sigma, self.blur_shape))
        steps.append(recipe.reduce)
        if self.noise_sigma is not None:
            steps.append(GaussianNoise(self.noise_sigma))
        steps.append(recipe.quantise(self.scale))
        if self.jpeg_quality is not None:
            steps.append(JPEG(self.jpeg_quality))
        return tuple(steps)
