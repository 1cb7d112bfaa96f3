"""What a pair takes on a device, by the size of what it sees: the ground on which it is planned."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.calibration import calibrated, least_ms
from mmisr.ops.macs import count_macs, uncounted
from mmisr.ops.tokens import Mask, grid_hw
from mmisr.pipeline.views import FrameViews
from mmisr.pipeline.windows.layout import Layout
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import ImageHints, nothing_there

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
        largest = self.pixels[-1]
        cost = np.interp(area, self.pixels, costs)  # that of the largest beyond it
        if area > largest:
            cost *= area / largest
        return float(cost)


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
        return self._of(exits, self._measured)

    def macs(self, exits: Tensor) -> float:
        """MACs of routing, SR by the deepest exit, and detector."""
        return self._of(exits, self._counted)

    @cached_property
    def _measured(self) -> PairCosts:
        return measured_costs(self.pair, self.router)

    @cached_property
    def _counted(self) -> PairCosts:
        return counted_costs(self.pair, self.router)

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
    editor = pair.editor.info.name
    detector = type(pair.detector).__name__
    name = ("pair", FORMAT, editor, detector, router.info.name, _fingerprint(pair))
    parameter = next(pair.detector.parameters())
    measure = partial(_measure, pair, router)
    return calibrated(PairCosts, name, parameter, measure)


def counted_costs(pair: SRDetector, router: SREditor) -> PairCosts:
    """MACs of a pair, which grow with the pixels.

    Args:
        pair: The pair, in evaluation.
        router: Who routes.
    """
    side = _lr_side(pair, SR_SIDES[1])
    look = _Look(pair, router, side)
    with uncounted():
        of_pair = count_macs(look.pair_pass)
        of_routing = count_macs(look.route)
    return PairCosts(
        pixels=(0.0, side**2),
        pair=(0.0, of_pair),
        route=(0.0, of_routing),
        unit="MACs",
    )


def _measure(pair: SRDetector, router: SREditor) -> PairCosts:
    pixels = []
    of_pair = []
    of_routing = []
    for sr_side in SR_SIDES:
        side = _lr_side(pair, sr_side)
        look = _Look(pair, router, side)
        pair_ms = least_ms(look.pair_pass, ROUNDS)
        route_ms = least_ms(look.route, ROUNDS)
        pixels.append(float(side**2))
        of_pair.append(pair_ms)
        of_routing.append(route_ms)
    return PairCosts(pixels, of_pair, of_routing, unit="ms")


class _Look:
    """A pair on one made-up image: grey noise, in which a detector finds next to nothing."""

    def __init__(self, pair: SRDetector, router: SREditor, side: int) -> None:
        self.pair = pair
        self.router = router
        parameter = next(pair.detector.parameters())
        self.lr = _grey_noise(side).to(parameter)

    @torch.no_grad()
    def route(self) -> None:
        self.router.route(self.lr[None], [self._known()])

    @torch.no_grad()
    def pair_pass(self) -> None:
        pair = self.pair
        exits = self._deepest()
        hints = replace(self._known(), exits=exits)
        results = pair.upscale_each([self.lr], [hints])
        source_shape = hw_of(results[0].image)
        sample = DetDataSample(metainfo={"source_shape": source_shape})
        views = FrameViews(results, [sample], keep_sr=False)
        for batch in pair.handed(views):
            pair.detector.predict(batch.inputs, batch.samples)

    def _known(self) -> ImageHints:
        # Routers by boxes and editors with a prior get some, though none: what they take does not
        # hang on where they are.
        hw = hw_of(self.lr)
        return nothing_there(hw)

    def _deepest(self) -> Tensor | None:
        """(rows, cols) of the deepest exit, where the editor has some."""
        info = self.pair.editor.info
        routers = info.routers
        if routers is None:
            return None
        grid = grid_hw(hw_of(self.lr), info.token)
        deepest = routers.num_exits - 1
        return torch.full(grid, deepest)


def _grey_noise(side: int) -> Tensor:
    """(3, side, side)."""
    generator = torch.Generator().manual_seed(0)
    shape = (3, side, side)
    noise = torch.rand(shape, generator=generator)
    return 0.45 + noise / 10


def _lr_side(pair: SRDetector, sr_side: int) -> int:
    """LR pixels, whole tokens of any size."""
    lr_side = sr_side // pair.editor.info.scale
    return max(32, lr_side // 32 * 32)


def _fingerprint(pair: SRDetector) -> str:
    """A short hash of what the networks are like, and of how large what they see is."""
    facts = [str(pair.editor.info.scale), str(pair.handoff.resize)]
    for name, value in pair.state_dict().items():
        shape = tuple(value.shape)
        facts.append(f"{name}{shape}")
    text = "".join(facts)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
