"""What convolutions cost on a device, measured once: the ground on which a planner chooses."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from mmisr.ops.calibration import calibrated, least_ms

FORMAT = 3
"""Raised when a figure means something else, so that older files are measured again."""

WINDOW, SMALL, LARGE = 20 * 20, 240 * 240, 480 * 480
"""Pixels of a small window, and of two frames: the features of one stay in a CPU's caches."""


@dataclass(frozen=True)
class CostModel:
    """Milliseconds of convolutions, linear in their MACs.

    Defaults are those of two CPU cores. They decide between ways to compute the same thing, so only
    their ratios matter there; a budget in milliseconds needs the device's own.

    Args:
        launch_ms: Cost of one batch through one residual unit, whatever its size.
        window_ms: Cost of a GMAC in small windows.
        cached_ms: Cost of a GMAC over a frame whose features stay in the caches.
        dense_ms: Cost of a GMAC over a frame whose features do not.
        token_ms: Cost of one token's way from its window through its exit into the image.
        frame_ms: Cost of a megapixel of the input through what every pixel needs, whoever routes
            it (trunk, enlargement).
        route_ms: Cost of finding out how to route a frame, however small it is (launches of the
            encoder).
        encoder_ms: Cost of a megapixel of the input through the encoder, beyond that.
    """

    launch_ms: float = 0.25
    window_ms: float = 14.0
    cached_ms: float = 12.0
    dense_ms: float = 16.0
    token_ms: float = 0.02
    frame_ms: float = 400.0
    route_ms: float = 0.9
    encoder_ms: float = 30.0

    def batch(self, gmacs: float, pixels: int, launches: int) -> float:
        """Milliseconds of a batch of equal windows, or of a frame.

        Args:
            gmacs: GMACs of all convolutions together.
            pixels: Pixels of one window, or of the frame; between the sizes that were measured the
                costs are interpolated.
            launches: Number of residual units that it runs through.
        """
        sizes, rates = (WINDOW, SMALL, LARGE), (self.window_ms, self.cached_ms, self.dense_ms)
        return launches * self.launch_ms + gmacs * float(
            np.interp(math.log(pixels), np.log(sizes), rates)
        )


@dataclass(frozen=True)
class Workload:
    """The parts of a network whose costs are measured.

    Args:
        unit: Its residual unit, (N, C, h, w) to the same; a module whose parameters say device and
            precision.
        channels: C.
        unit_macs: MACs of the unit per pixel.
        frame: What runs once over every frame (1, 3, h, w).
        route: What finds out how to route a frame (1, 3, h, w).
        leave: What takes a token from each window (N, C, side, side) into an image.
        side: Side of these windows in pixels.
    """

    unit: nn.Module
    channels: int
    unit_macs: int
    frame: Callable[[Tensor], object]
    route: Callable[[Tensor], object]
    leave: Callable[[Tensor], object]
    side: int


@torch.no_grad()
def calibrate(work: Workload) -> CostModel:
    """Measure a network on the device that it is on; takes a second or two."""
    unit, channels = work.unit, work.channels
    parameter = next(unit.parameters())

    def features(number: int, width: int, side: int) -> Tensor:
        x = torch.rand(number, width, side, side, device=parameter.device, dtype=parameter.dtype)
        return x.to(memory_format=torch.channels_last)

    # Large frames first: until then the allocator hands out fresh pages, which would be charged to
    # the small windows.
    frame_ms = _time(work.frame, features(1, 3, 320)) / 0.1024
    routed, route_ms = (_time(work.route, features(1, 3, side)) for side in (320, 64))
    encoder_ms = max(routed - route_ms, 0.0) / 0.0983
    shapes = ((1, 480), (1, 240), (24, 20), (3, 20))
    large, cached, many, few = (
        _time(unit, features(number, channels, side)) for number, side in shapes
    )
    rate, window = work.unit_macs / 1e9, (many - few) / 21
    window_ms = max(window, 1e-6) / (20 * 20 * rate)
    launch_ms = max(few - 3 * window, 0.0)
    cached_ms, dense_ms = (
        (ms - launch_ms) / (pixels * rate) for ms, pixels in ((cached, SMALL), (large, LARGE))
    )
    token_ms = _time(work.leave, features(256, channels, work.side)) / 256
    return CostModel(
        launch_ms, window_ms, cached_ms, dense_ms, token_ms, frame_ms, route_ms, encoder_ms
    )


def measured(name: str, work: Workload) -> CostModel:
    """The costs on the device that a network is on, measured once: see :func:`calibrated`.

    Args:
        name: Name of the network.
        work: The parts of the network that are measured.
    """
    parameter = next(work.unit.parameters())
    return calibrated(CostModel, (FORMAT, name), parameter, partial(calibrate, work))


def _time(call: Callable[[Tensor], object], x: Tensor) -> float:
    return least_ms(partial(call, x))
