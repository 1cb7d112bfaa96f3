"""Steps one behind the other, from HR to LR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mmisr.degradation.steps.base import Step
from mmisr.degradation.steps.codecs import Quantise
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_unit

NEAR_LEVEL = 1e-3
"""Float32 pixels this close to an 8-bit level are that level."""


@dataclass(frozen=True)
class Pipeline:
    """HR to LR by named, versioned, seeded steps.

    Convention: arithmetic is in float64 on the 0..255 scale, image by image; every random choice of
    an image comes from its own seed. So an image gives the same LR pixels in any batch, worker and
    order. What the last step leaves is rounded to 8 bits.

    Args:
        scale: Reduction factor, a whole number.
        steps: What happens, in this order.
        label: What the name begins with.

    Raises:
        ValueError: The scale is no whole number from 1 on.
    """

    scale: int
    steps: tuple[Step, ...]
    label: str = "steps"

    def __post_init__(self) -> None:
        check_scale(self.scale)

    @property
    def name(self) -> str:
        """Label, scale, and every step with its version and values, for result files."""
        words = [self.label, f"x{self.scale:g}"]
        words += [step.name for step in self.steps]
        return "+".join(words)

    def __call__(self, hr: Tensor, seeds: Sequence[int]) -> Tensor:
        """Degrade a batch.

        Args:
            hr: (B, 3, H, W) RGB in [0, 1]; H and W are multiples of ``scale``.
            seeds: One integer per image.

        Returns:
            (B, 3, H/s, W/s) RGB in [0, 1], on 8-bit levels; type and device of ``hr``.

        Raises:
            ValueError: A side is no multiple of the scale, there is not one seed per image, the
                steps come to another size, or one cannot be done on an image.

        Example:
            >>> from mmisr.degradation.steps.resize import Resize
            >>> Pipeline(4, (Resize("area"),))(torch.ones(2, 3, 8, 12), seeds=[0, 1]).shape
            torch.Size([2, 3, 2, 3])
        """
        scale = int(self.scale)
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
        levels = to_levels(hr)
        lr_hw = (height // scale, width // scale)
        images = []
        for image, seed in zip(levels, seeds, strict=True):
            reduced = self._reduced(image, lr_hw, seed)
            images.append(reduced)
        lr = to_unit(torch.stack(images))
        return lr.to(hr.dtype)

    def _reduced(self, levels: Tensor, lr_hw: tuple[int, int], seed: int) -> Tensor:
        """(3, H, W) to (3, h, w) on whole levels."""
        draw = Generator().manual_seed(seed)
        last = Quantise()
        for step in (*self.steps, last):
            levels = step(levels, lr_hw, draw)
        hw = hw_of(levels)
        self._check_size(hw, lr_hw)
        return levels

    def _check_size(self, hw: tuple[int, int], lr_hw: tuple[int, int]) -> None:
        if hw == lr_hw:
            return
        height, width = hw
        lr_height, lr_width = lr_hw
        kinds = ", ".join(type(step).__name__ for step in self.steps) or "none"
        raise ValueError(
            f"the steps of a degradation must come to HR/{self.scale}, {lr_width}x{lr_height} "
            f"pixels here, and end at {width}x{height} ({kinds}); let the last Resize have neither "
            "factor nor size: it then goes to HR/scale"
        )


def to_levels(image: Tensor) -> Tensor:
    """[0, 1] to 0..255 in float64, exactly where the image came from 8 bits.

    Args:
        image: Any shape, floating point.
    """
    levels = image.double() * 255
    whole = levels.round()
    return torch.where((levels - whole).abs() < NEAR_LEVEL, whole, levels)


def check_scale(scale: float) -> None:
    """See that a scale is a whole number from 1 on.

    Args:
        scale: The value.

    Raises:
        ValueError: It is not.
    """
    is_whole = not isinstance(scale, bool) and int(scale) == scale
    if not is_whole or scale < 1:
        raise ValueError(f"scale must be a whole number >= 1, got {scale}")
