"""The pair follows the instances: windows that may hold some are super-resolved and searched."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.boxes import grow
from mmisr.ops.coverage import touched
from mmisr.ops.held_out import HoldsOut
from mmisr.ops.timing import NULL_TIMER, Timer
from mmisr.ops.tokens import Mask
from mmisr.pipeline.grouping import group_by_shape, picked, stacked
from mmisr.pipeline.windows.costs import LINEAR, PairCosts, PairPrices, measured_costs
from mmisr.pipeline.windows.laying import Layer
from mmisr.pipeline.windows.layout import Layout
from mmisr.pipeline.windows.settings import Overview, Windows
from mmisr.pipeline.windows.views import Searched, SheetOf, WindowViews
from mmisr.registry import MODELS
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import RoutingMap

if TYPE_CHECKING:
    from mmisr.pipeline.sr_detector import SRDetector

logger = logging.getLogger(__name__)

FOLLOWED_SCORE, FOLLOWED_PX = 0.3, 4.0
"""Boxes of a frame of a video from this score on are searched in the next, grown by LR pixels."""


class WindowSearch(HoldsOut):
    """Looks for objects only where the routing says that there may be some.

    ``timer`` times the stages of :meth:`upscale`: route, plan, super-resolve.

    Source: ours; packing regions of several places onto one image for a detector is in RegenHance
    (NSDI 2025).

    Args:
        settings: What is searched.
        editor: The pair's editor.

    Raises:
        ValueError: Nobody routes, or a router of its own has no weights.
    """

    follows_image = True

    def __init__(self, settings: Windows, editor: SREditor) -> None:
        super().__init__()
        self.settings = settings
        self.overview: Overview | None = None
        if settings.overview is not None:
            self.overview = Overview(**settings.overview)
        self.timer: Timer = NULL_TIMER
        self.in_video = False
        self.last_boxes: Tensor | None = None
        self.own_router: SREditor | None = None
        if settings.router is not None:
            # Its weights are its own file's: checkpoints of pairs fit with and without windows.
            router = MODELS.build(settings.router)
            _check_weights(router)
            self.hold_out("own_router", router)
        router = self.own_router or editor
        if router.info.routers is None:
            raise ValueError(
                "test_cfg.windows needs to know where instances are, and "
                f"{router.info.name!r} routes no tokens; "
                "give windows=dict(router=dict(type='mmisr.InstanceRouter', checkpoint=...)) or "
                "another editor"
            )

    def upscale(
        self, pair: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> WindowViews:
        """Route the images, lay windows over them and super-resolve these."""
        frames = self.lay_out(pair, lr, samples)
        images = []
        hints = []
        sheets = []
        for number, frame in enumerate(frames):
            for index, shown in enumerate(frame.sheets(pair.editor)):
                image, known = shown
                images.append(image)
                hints.append(known)
                sheet = SheetOf(number, index)
                sheets.append(sheet)
        with self.timer.stage("super-resolve"):
            results = pair.upscale_each(images, hints)
        return WindowViews(pair, frames, sheets, results, self.overview)

    def follow_video(self, follow: bool) -> None:
        """See :meth:`mmisr.pipeline.views.Search.follow_video`."""
        self.in_video = follow
        self.last_boxes = None

    def remember(self, sample: DetDataSample) -> None:
        """See :meth:`mmisr.pipeline.views.Search.remember`; LR is native in a video."""
        if not self.in_video:
            return
        instances = sample.pred_instances
        is_sure = instances.scores >= FOLLOWED_SCORE
        self.last_boxes = grow(instances.bboxes[is_sure], FOLLOWED_PX)

    def lay_out(
        self, pair: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> list[Searched]:
        """What is searched of each image.

        Args:
            pair: The pair, in evaluation.
            lr: (3, h_i, w_i) RGB in [0, 1].
            samples: One sample per image.
        """
        with self.timer.stage("route"):
            # One look, for who routes and for an editor with a prior.
            hints = pair.hints(lr, samples) or []
            maps = self._route(pair, lr, hints)
        # Another router says where instances are; how deep they go is for the editor to say.
        keep_exits = self.own_router is None
        frames = []
        with self.timer.stage("plan"):
            costs = self._costs(pair)
            for image, sample, known, routing in zip(lr, samples, hints, maps, strict=True):
                mask = routing.exits[0].numpy() > 0
                layout = self.plan(mask, routing.token_size, hw_of(image), costs)
                self._log(layout, costs)
                frame = Searched(image, sample, routing, layout, known, keep_exits)
                frames.append(frame)
        return frames

    def plan(self, mask: Mask, token: int, frame_hw: tuple[int, int], costs: PairCosts) -> Layout:
        """Windows over the marked tokens, or the whole frame where that costs no more.

        Args:
            mask: (rows, cols) tokens that may hold instances.
            token: Side of a token in LR pixels.
            frame_hw: Height and width of the frame in LR pixels.
            costs: What the pair takes.
        """
        settings = self.settings
        layer = Layer(token, settings.margin)
        windows = layer.lay(settings.layout, mask, frame_hw)
        whole = Layout.whole(frame_hw)
        windows_cost = costs.of(windows.sheets_hw)
        whole_cost = costs.of(whole.sheets_hw)
        if windows_cost < whole_cost:
            return windows
        return whole

    def _log(self, layout: Layout, costs: PairCosts) -> None:
        """Say what was chosen and why, to whoever debugs."""
        whole = Layout.whole(layout.frame_hw)
        logger.debug(
            "%s: %d cores, %.2f of %s LR pixels, %.4g %s against %.4g for the whole frame",
            "whole frame" if layout.is_whole else self.settings.layout,
            len(layout.cores),
            layout.area_share,
            layout.frame_hw,
            costs.of(layout.sheets_hw),
            costs.unit,
            costs.of(whole.sheets_hw),
        )

    def _route(self, pair: SRDetector, lr: Sequence[Tensor], hints: BatchHints) -> list[RoutingMap]:
        """A map per image, on the host."""
        maps: dict[int, RoutingMap] = {}
        for indices in group_by_shape(lr):
            batch = stacked(lr, indices)
            known = picked(hints, indices)
            routing = self._route_batch(pair, batch, known)
            for place, index in enumerate(indices):
                maps[index] = routing.image(place)
        return [maps[index] for index in sorted(maps)]

    def _route_batch(self, pair: SRDetector, lr: Tensor, hints: BatchHints) -> RoutingMap:
        """The maps of (B, 3, h, w), on the host."""
        router = pair.router
        token = router.info.token
        costs = self._costs(pair)
        plan = partial(self.plan, token=token, frame_hw=hw_of(lr), costs=costs)
        prices = PairPrices(pair, router, plan)
        routing = router.route(lr, hints, prices)
        return self._followed(routing.cpu())

    def _followed(self, routing: RoutingMap) -> RoutingMap:
        """The map, with the tokens that held objects in the frame before as deep as can be."""
        boxes = self.last_boxes
        if boxes is None or not len(boxes):
            return routing
        grid = hw_of(routing.exits)
        of_each = touched(boxes, grid, routing.token_size)
        held_some = of_each.any(0)
        deepest = len(routing.exit_names) - 1
        exits = torch.where(held_some, deepest, routing.exits)
        return replace(routing, exits=exits)

    def _costs(self, pair: SRDetector) -> PairCosts:
        if self.settings.costs == "measured":
            return measured_costs(pair, pair.router)
        return LINEAR


def _check_weights(router: SREditor) -> None:
    """See that a router which asks its network has weights, for no checkpoint brings them."""
    asks_network = getattr(router.router, "encodes", False)
    if asks_network and getattr(router, "checkpoint", None) is None:
        raise ValueError(
            f"test_cfg.windows.router is {router.info.name!r} and names no weights: set "
            "windows=dict(router=dict(checkpoint=FILE, ...))"
        )
