"""A step between router and planner: small and crowded frames take one dense pass."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from mmisr.editors.instance_sr.engine.cover import Cover, Exits, is_uniform
from mmisr.editors.instance_sr.engine.planner import Planner, cheapest
from mmisr.editors.instance_sr.labels import HARD

ROUTING_SHARE = 0.03
"""Frames on which the encoder would take more than this share of a dense pass are not routed.

Between other work it takes half as much again as when it is measured by itself.
"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AllHardIfFaster:
    """Overrules a router where a dense pass is sooner than windows.

    All tokens of such an image then leave by the deepest exit chosen in it: sooner, and by more of
    the network. The planner has no part in it but to say what windows would take.

    Args:
        planner: Planner of the images.
    """

    planner: Planner

    def __call__(self, routed: Exits) -> tuple[Exits, Cover]:
        """What one image's tokens leave by, and the cover of the offer that decided it.

        Args:
            routed: (rows, cols) exits that the router chose; not changed.

        Returns:
            (rows, cols) exits, as routed or all the deepest of them, and their cover.
        """
        if is_uniform(routed):
            return routed, self.planner.cover(routed)
        deepest = np.full_like(routed, routed.max())
        dense = self.planner.dense(deepest)
        windows = self.planner.windows(routed, dense.ms)
        best = cheapest([dense, *windows])
        if best is dense:
            return deepest, dense.cover
        return routed, best.cover

    def routing_pays(self, grid: tuple[int, int]) -> bool:
        """Whether the encoder costs little beside a dense pass of ``grid`` rows and columns."""
        costs = self.planner.costs
        deepest = np.full(grid, HARD)
        dense_ms = self.planner.dense(deepest).ms + costs.frame_ms(deepest.size)
        routing_ms = costs.routing_ms(deepest.size)
        logger.debug(
            "encoder on %s tokens: %.2f ms beside %.2f ms of a dense pass",
            grid,
            routing_ms,
            dense_ms,
        )
        return routing_ms <= ROUTING_SHARE * dense_ms
