"""The test degradations of COCO-d, one function each."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Generator, Tensor

from mmisr.degradation.aeris import RESIZES, Blur, blurred, draw_blur, noisy
from mmisr.degradation.chance import choice, uniform
from mmisr.ops.resample import resize

Change = Callable[[Tensor, tuple[int, int], Generator], Tensor]
"""(3, H, W) on the 0..255 scale, height and width to come to, and chance, to the image."""


def random_blur(image: Tensor, size_hw: tuple[int, int], draw: Generator) -> Tensor:
    """The blur that training draws too, no blur among it."""
    change = draw_blur(draw)
    return blurred(image, change)


def fix_isoblur(image: Tensor, size_hw: tuple[int, int], draw: Generator) -> Tensor:
    """A blur of variance 3 on both axes, in a kernel of 17 pixels."""
    return blurred(image, Blur(17, (3.0, 3.0)))


def fix_anisoblur(image: Tensor, size_hw: tuple[int, int], draw: Generator) -> Tensor:
    """A blur of variances 5 and 2.3, turned by a third of pi, in a kernel of 17 pixels."""
    return blurred(image, Blur(17, (5.0, 2.3), math.pi / 3))


def random_noise(image: Tensor, size_hw: tuple[int, int], draw: Generator) -> Tensor:
    """Gaussian noise of a standard deviation between 5 and 50."""
    sigma = uniform(draw, 5.0, 50.0)
    return noisy(image, sigma, draw)


def fix_noise(image: Tensor, size_hw: tuple[int, int], draw: Generator) -> Tensor:
    """Gaussian noise of standard deviation 10."""
    return noisy(image, 10.0, draw)


def resolution(image: Tensor, size_hw: tuple[int, int], draw: Generator) -> Tensor:
    """A resize by nearest, bilinear or bicubic interpolation, without antialias."""
    kernel = choice(draw, RESIZES)
    return resize(image[None], size_hw, kernel, antialias=False)[0]


SAME_SIZE: dict[str, Change] = {
    "coco_d_random_blur": random_blur,
    "coco_d_fix_isoblur": fix_isoblur,
    "coco_d_fix_anisoblur": fix_anisoblur,
    "coco_d_random_noise": random_noise,
    "coco_d_fix_noise": fix_noise,
}
"""By the names of their recipes, those that leave the size: at scale 1 alone."""
SMALLER: dict[str, Change] = {"coco_d_resolution": resolution}
"""Those that reduce; COCO-d has scales 2 and 4."""
