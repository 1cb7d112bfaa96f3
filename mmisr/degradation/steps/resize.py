"""Resizes: to the LR size, to a size, by a factor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Generator, Tensor
from torch.nn import functional as F

from mmisr.degradation.chance import choice, uniform
from mmisr.degradation.steps.base import Span, Step
from mmisr.ops.resample import MODES, resize
from mmisr.registry import DEGRADATIONS
from mmisr.structures.checks import check_hw
from mmisr.structures.frames import hw_of

TORCH_BICUBIC = "torch_bicubic"
ALL_MODES = (*MODES, TORCH_BICUBIC)


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class Resize(Step):
    """A resize; to the LR size where neither a factor nor a size is given.

    Args:
        mode: One of :data:`mmisr.ops.resample.MODES`, or ``torch_bicubic``, torch's cubic (a =
            -0.75 without antialias, as OpenCV's). Several are drawn from, each as likely.
        antialias: Whether to filter when shrinking, for the kernels.
        factor: Range of the factor on both sides, above 0; sides are rounded down, to at least 1.
        size: Height and width in pixels.
        of: Of what ``factor`` is one: ``image``, as it is then, or ``lr``, the LR size.

    Raises:
        ValueError: An unknown mode, a factor that is not positive, a size that is none, or both.
    """

    mode: str | tuple[str, ...] = "bicubic"
    antialias: bool = True
    factor: Span | None = None
    size: tuple[int, int] | None = None
    of: Literal["image", "lr"] = "image"

    def check(self) -> None:
        """See that the values make sense."""
        unknown = [mode for mode in self.modes if mode not in ALL_MODES]
        if unknown or not self.modes:
            raise ValueError(
                f"{self.title}: mode must be one of {', '.join(ALL_MODES)}, or several, got "
                f"{self.mode!r}"
            )
        self.need_positive("factor")
        if self.factor is not None and self.size is not None:
            raise ValueError(
                f"{self.title}: give factor or size, got both: {tuple(self.factor)} and "
                f"{tuple(self.size)}"
            )
        if self.size is not None:
            check_hw(tuple(self.size), f"{self.title}: size")
        self.need_choice("of", ("image", "lr"))

    @property
    def modes(self) -> tuple[str, ...]:
        """Those that are drawn from."""
        return (self.mode,) if isinstance(self.mode, str) else tuple(self.mode)

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Resize the image."""
        mode = self.modes[0]
        if len(self.modes) > 1:
            mode = choice(draw, self.modes)
        size_hw = self._size(levels, lr_hw, draw)
        image = levels[None]
        if mode == TORCH_BICUBIC:
            resized = F.interpolate(image, size_hw, mode="bicubic", antialias=self.antialias)
        else:
            resized = resize(image, size_hw, mode, self.antialias)
        return resized[0]

    def _size(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> tuple[int, int]:
        """Height and width to come to."""
        if self.size is not None:
            height, width = self.size
            return int(height), int(width)
        if self.factor is None:
            return lr_hw
        factor = uniform(draw, *self.factor)
        of_hw = hw_of(levels)
        if self.of == "lr":
            of_hw = lr_hw
        height, width = of_hw
        return _scaled(height, factor), _scaled(width, factor)


def _scaled(side: int, factor: float) -> int:
    # 100 * 0.29 must count as 29 whatever its last bit.
    return max(1, math.floor(side * factor + 1e-9))
