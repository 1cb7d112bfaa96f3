"""What a pair takes on a device, by the size of what it sees: the ground on which it is planned."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.calibration import calibrated, least_ms
from mmisr.ops.macs import count_macs
from mmisr.ops.tokens import Mask
from mmisr.pipeline.views import FrameViews
from mmisr.pipeline.windows.layout import Layout
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import ImageHints

if TYPE_CHECKING:
    from mmisr.pipeline.sr_detector import SRDetector

FORMAT = 1
"""Raised when a figure means something else, so that older files are measured again."""

SR_SIDES = (192, 384, 768, 1152)
"""Sides of the SR images that are timed, in pixels."""

ROUNDS = 3


@dataclass(frozen=True)
class PairCosts:
    """Cost of a pair on one image, interpolated between sizes.

    Args:
        pixels: LR pixels of images, growing.
        pair: What SR, handoff and detector take for each, every token by the deepest exit.
        route: What finding out where instances are takes for each.
        unit: Of the costs, for a log.
    """

    pixels: Sequence[float]
    pair: Sequence[float]
    route: Sequence[float]
    unit: str

    def of(self, sizes: Sequence[tuple[int, int]]) -> float:
        """Cost of images of these sizes, each by itself.

        Args:
            sizes: Height and width of each in LR pixels.
        """
        return sum(self._at(hw, self.pair) for hw in sizes)

    def of_routing(self, hw: tuple[int, int]) -> float:
        """Cost of routing an image of a size."""
        return self._at(hw, self.route)

    def _at(self, hw: tuple[int, int], costs: Sequence[float]) -> float:
        height, width = hw
        area = height * width
        last_pixels, last_cost = self.pixels[-1], costs[-1]
        if area > last_pixels:
            return last_cost * area / last_pixels
        return float(np.interp(area, self.pixels, costs))


LINEAR = PairCosts((0.0, 1e6), (256.0, 1e6 + 256.0), (0.0, 0.0), "LR pixels")
"""The same everywhere: as many as there are pixels, and as much as 256 for an image by itself."""


class PairPrices:
    """What a pair pays for the routing map of one image, for a router with a budget.

    Args:
        pair: The pair, in evaluation.
        router: Who routes.
        lay_out: From the tokens that may hold instances to what is searched.
    """

    def __init__(
        self, pair: SRDetector, router: SREditor, lay_out: Callable[[Mask], Layout]
    ) -> None:
        self.pair = pair
        self.router = router
        self.lay_out = lay_out

    def ms(self, exits: Tensor) -> float:
        """Milliseconds of routing, SR and detector, as the device's costs foretell them."""
        return self._of(exits, measured_costs(self.pair, self.router))

    def macs(self, exits: Tensor) -> float:
        """MACs of routing, SR by the deepest exit, and detector."""
        return self._of(exits, counted_costs(self.pair, self.router))

    def _of(self, exits: Tensor, costs: PairCosts) -> float:
        layout = self.lay_out(exits.numpy() > 0)
        return costs.of_routing(layout.frame_hw) + costs.of(layout.sheets_hw)


def measured_costs(pair: SRDetector, router: SREditor) -> PairCosts:
    """Milliseconds of a pair on its device: from the cache, or measured now and kept there.

    Measuring takes some seconds.

    Args:
        pair: The pair, in evaluation.
        router: Who routes.
    """
    name = ("pair", FORMAT, pair.editor.info.name, type(pair.detector).__name__, _shapes(pair))
    parameter = next(pair.detector.parameters())
    measure = partial(_measure, pair, router, parameter)
    return calibrated(PairCosts, name, parameter, measure)


def counted_costs(pair: SRDetector, router: SREditor) -> PairCosts:
    """MACs of a pair, which grow with the pixels.

    Args:
        pair: The pair, in evaluation.
        router: Who routes.
    """
    look = _Look(pair, router, _side(pair, SR_SIDES[1]))
    counts = count_macs(look.pair_pass), count_macs(look.route)
    pixels = float(look.side**2)
    of_pair, of_routing = counts
    return PairCosts((0.0, pixels), (0.0, of_pair), (0.0, of_routing), "MACs")


def _measure(pair: SRDetector, router: SREditor, parameter: Tensor) -> PairCosts:
    pixels = []
    of_pair = []
    of_routing = []
    for sr_side in SR_SIDES:
        look = _Look(pair, router, _side(pair, sr_side))
        pixels.append(float(look.side**2))
        of_pair.append(least_ms(look.pair_pass, ROUNDS))
        of_routing.append(least_ms(look.route, ROUNDS))
    return PairCosts(pixels, of_pair, of_routing, "ms")


class _Look:
    """A pair on one made-up image: grey noise, in which a detector finds next to nothing."""

    def __init__(self, pair: SRDetector, router: SREditor, side: int) -> None:
        self.pair = pair
        self.router = router
        self.side = side
        parameter = next(pair.detector.parameters())
        generator = torch.Generator().manual_seed(0)
        noise = torch.rand(3, side, side, generator=generator)
        self.lr = (0.45 + noise / 10).to(parameter)

    @torch.no_grad()
    def route(self) -> None:
        self.router.route(self.lr[None], [ImageHints(lr_hw=hw_of(self.lr), seed=0)])

    @torch.no_grad()
    def pair_pass(self) -> None:
        pair = self.pair
        hints = ImageHints(lr_hw=hw_of(self.lr), exits=self._deepest())
        results = pair.upscale_each([self.lr], [hints])
        sample = DetDataSample(metainfo={"source_shape": hw_of(results[0].image)})
        for batch in pair.handed(FrameViews(results, [sample], keep_sr=False)):
            pair.detector.predict(batch.inputs, batch.samples)

    def _deepest(self) -> Tensor | None:
        """(rows, cols) of the deepest exit, where the editor has some."""
        info = self.pair.editor.info
        if info.routers is None:
            return None
        token = info.multiple_of
        cells = -(-self.side // token)
        return torch.full((cells, cells), info.routers.num_exits - 1)


def _side(pair: SRDetector, sr_side: int) -> int:
    """LR pixels, whole tokens of any size."""
    lr_side = sr_side // pair.editor.info.scale
    return max(32, lr_side // 32 * 32)


def _shapes(pair: SRDetector) -> str:
    """A short hash of what the networks are like."""
    shapes = [f"{name}{tuple(value.shape)}" for name, value in pair.state_dict().items()]
    return hashlib.sha256("".join(shapes).encode()).hexdigest()[:12]
