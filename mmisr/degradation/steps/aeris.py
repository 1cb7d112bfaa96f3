"""The degradation that AERIS learns from, at the LR size."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Generator, Tensor

from mmisr.degradation.aeris import AerisViews
from mmisr.degradation.steps.base import Span, Step
from mmisr.registry import DEGRADATIONS
from mmisr.structures.pixels import to_unit


@DEGRADATIONS.register_module()
@dataclass(frozen=True)
class Aeris(Step):
    """Blur, resize and noise as :class:`~mmisr.degradation.aeris.AerisViews` draws them.

    Args:
        noise_sigma: Range of the standard deviation of the noise, on the 0..255 scale.
        antialias: Whether the resize filters before it shrinks; AERIS does not.

    Raises:
        ValueError: A value out of its limits.
    """

    noise_sigma: Span = (0.0, 25.0)
    antialias: bool = False

    def check(self) -> None:
        """See that the values make sense."""
        self.need_span("noise_sigma", 0, 255)

    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Reduce the image to the LR size."""
        views = self._views()
        drawn = views.draw(draw)
        # In the precision that AERIS has: wide blurs in float64 take seconds.
        image = to_unit(levels)
        single = image.float()
        view = views.view(single, lr_hw, drawn, draw)
        reduced = view.clamp(0, 1)
        exact = reduced.to(levels.dtype)
        return exact * 255

    def _views(self) -> AerisViews:
        return AerisViews(noise_sigma=self.noise_sigma, antialias=self.antialias)
