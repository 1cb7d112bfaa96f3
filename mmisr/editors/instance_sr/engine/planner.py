"""The planner: by which windows the deep tokens of an image are computed on a device."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mmisr.editors.instance_sr.decoder import Decoder
from mmisr.editors.instance_sr.engine.cost_model import CostModel
from mmisr.editors.instance_sr.engine.cover import Cover, Exits, is_uniform
from mmisr.editors.instance_sr.engine.cover_costs import WINDOW_PIXELS, CoverCosts
from mmisr.editors.instance_sr.engine.placing import Placer, one_per_token
from mmisr.editors.instance_sr.labels import EASY, HARD, MODERATE
from mmisr.ops.tokens import Boxes, Mask, merge_rectangles
from mmisr.structures.checks import check_fields

Partition = Literal["auto", "rectangles", "windows", "dense"]
PARTITIONS = ("auto", "rectangles", "windows", "dense")
logger = logging.getLogger(__name__)

RISK = 1.2
"""Windows must promise to be so much faster than a dense pass.

Gathering, small kernels and a busy machine cost them more than was measured, by 1.13 to 1.20 on
frames of 320x180.
"""

WASTE = 1.12
"""Least measured cost of rectangles of few shapes, over what their tokens and halos must cost."""


@dataclass(frozen=True)
class Planning:
    """Settings of the planner.

    Args:
        halo: LR pixels computed around a window and thrown away; None for the whole receptive field
            of the deep blocks, which makes the result that of a dense pass. 2 costs about 0.01 dB,
            4 nothing that can be measured (the method's README has the table).
        partition: ``auto`` takes what the cost model likes; ``rectangles`` of merged tokens, one of
            ``windows`` per token, or ``dense`` passes for everything.
        costs: ``default``, the same plan everywhere; or ``measured``, the device's own, measured
            once and cached.

    Raises:
        ValueError: A value is out of range.
    """

    halo: int | None = None
    partition: Partition = "auto"
    costs: Literal["default", "measured"] = "default"

    def __post_init__(self) -> None:
        check_fields(self, "InstanceSR.execution")
        if self.halo is not None and self.halo < 0:
            raise ValueError(
                f"InstanceSR.execution.halo must be >= 0, or None for an exact result, got "
                f"{self.halo}"
            )
        if self.partition not in PARTITIONS:
            raise ValueError(
                f"InstanceSR.execution.partition must be one of {PARTITIONS}, got "
                f"{self.partition!r}"
            )
        if self.costs not in ("default", "measured"):
            raise ValueError(
                f"InstanceSR.execution.costs must be 'default' or 'measured', got {self.costs!r}"
            )


class Offer(NamedTuple):
    """A cover, and the milliseconds by which it is chosen."""

    cover: Cover
    ms: float


class Planner:
    """Chooses, for one image at a time, what its device computes soonest, and changes no exit.

    Options: a whole-frame pass; one window per token; rectangles of neighbouring tokens, hard and
    moderate ones together or apart. Equal windows run as one batch, so a batch costs a launch and
    its MACs. What is chosen depends on one image's map alone, so a result does not depend on the
    batch that the image comes in.

    Args:
        decoder: The network.
        token: Side of a token in LR pixels.
        planning: Settings; the defaults of :class:`Planning` where None.
        device: Costs of the device; those of two CPU cores where None.
    """

    def __init__(
        self,
        decoder: Decoder,
        token: int,
        planning: Planning | None = None,
        device: CostModel | None = None,
    ) -> None:
        planning = planning or Planning()
        device = device or CostModel()
        halo = decoder.full_halo
        if planning.halo is not None:
            halo = min(planning.halo, halo)
        tile = WINDOW_PIXELS // token
        pixel_gmacs = decoder.size.unit_macs / 1e9
        pixel_ms = pixel_gmacs * device.window_ms
        launch_pixels = device.launch_ms / pixel_ms
        self.token = token
        self.halo = halo
        self.tile = tile  # no rectangle crosses a multiple of it
        self.partition = planning.partition
        self.costs = CoverCosts(decoder, token, halo, device)
        self.placer = Placer(token, halo, tile, launch_pixels)

    def cover(self, exits: Exits) -> Cover:
        """The cheapest cover of the deep tokens of one (rows, cols) map."""
        deepest = exits.max()
        if deepest == EASY:
            return Cover.none(exits.shape)
        if self.partition == "auto" and is_uniform(exits):
            return Cover.dense(exits, self.token)
        offers = self._offers(exits)
        best = cheapest(offers)
        return best.cover

    def dense(self, exits: Exits) -> Offer:
        """A pass over the whole frame."""
        cover = Cover.dense(exits, self.token)
        return Offer(cover, self.costs.ms(cover, exits))

    def windows(self, exits: Exits, below_ms: float) -> list[Offer]:
        """Rectangles of (rows, cols) exits; none where they cannot promise to take less time."""
        if self.costs.least_ms(exits) * WASTE * RISK >= below_ms:
            return []  # planning windows would only take time
        return self._rectangles(exits)

    def _offers(self, exits: Exits) -> list[Offer]:
        if self.partition == "windows":
            deep = exits != EASY
            tokens = one_per_token(deep)
            return [self._placed("windows", exits, [(tokens, deep)])]
        if self.partition == "rectangles":
            return self._rectangles(exits)
        dense = self.dense(exits)
        if self.partition == "dense":
            return [dense]
        windows = self.windows(exits, dense.ms)
        return [dense, *windows]

    def _rectangles(self, exits: Exits) -> list[Offer]:
        """Rectangles of hard and moderate tokens together and, where there are both, apart."""
        deep = exits != EASY
        hard = exits == HARD
        moderate = exits == MODERATE
        together = [self._merged(deep)]
        offers = [self._placed("rectangles", exits, together)]
        if hard.any() and moderate.any():
            apart = [self._merged(hard), self._merged(moderate)]
            offer = self._placed("rectangles", exits, apart)
            offers.append(offer)
        return offers

    def _placed(self, kind: str, exits: Exits, layers: Sequence[tuple[Boxes, Mask]]) -> Offer:
        cover = self.placer.place(kind, exits, layers)
        return Offer(cover, self.costs.ms(cover, exits) * RISK)

    def _merged(self, mask: Mask) -> tuple[Boxes, Mask]:
        """Rectangles over the marked tokens, and these."""
        rectangles = merge_rectangles(mask, self.token, self.halo, tile=self.tile)
        return rectangles, mask


def cheapest(offers: Sequence[Offer]) -> Offer:
    """The offer of the fewest milliseconds, the first of equals; a debug log lists them all."""
    best = min(offers, key=lambda offer: offer.ms)
    if logger.isEnabledFor(logging.DEBUG):
        _log(best, offers)
    return best


def _log(best: Offer, offers: Sequence[Offer]) -> None:
    texts = []
    for cover, ms in offers:
        count = len(cover.sizes)
        texts.append(f"{cover.kind} {count}: {ms:.2f} ms")
    deep_share = (best.cover.owner >= 0).mean()
    listed = ", ".join(texts)
    logger.debug("%s of %.2f deep tokens: %s", best.cover.kind, deep_share, listed)
