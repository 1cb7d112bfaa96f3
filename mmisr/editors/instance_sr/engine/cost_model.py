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

WINDOW_SIDE, SMALL_SIDE, LARGE_SIDE = 20, 240, 480
"""Of a small window, and of two frames: the features of one stay in a CPU's caches."""

WINDOW, SMALL, LARGE = WINDOW_SIDE**2, SMALL_SIDE**2, LARGE_SIDE**2
"""Their pixels."""

FRAME_SIDE, TINY_SIDE = 320, 64
"""Of the frames that what every pixel needs, and the encoder, are timed on."""

FEW, MANY = 3, 24
"""Windows of two batches, whose difference leaves out what a batch costs by itself."""

TOKENS = 256


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
        sizes = np.log([WINDOW, SMALL, LARGE])
        rates = self.window_ms, self.cached_ms, self.dense_ms
        rate = np.interp(math.log(pixels), sizes, rates)
        return launches * self.launch_ms + gmacs * float(rate)


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
    # Large frames first: until then the allocator hands out fresh pages, which would be charged to
    # the small windows.
    of_frames = _of_frames(work)
    of_units = _of_units(work)
    of_tokens = _of_tokens(work)
    return CostModel(**of_frames, **of_units, **of_tokens)


def _of_frames(work: Workload) -> dict[str, float]:
    """What every pixel of a frame takes, and what routing does."""
    frame = _noise(work, 1, 3, FRAME_SIDE)
    tiny = _noise(work, 1, 3, TINY_SIDE)
    frame_ms = _time(work.frame, frame)
    routed_ms = _time(work.route, frame)
    route_ms = _time(work.route, tiny)
    encoder_ms = max(routed_ms - route_ms, 0.0)
    return {
        "frame_ms": frame_ms / _megapixels(frame),
        "route_ms": route_ms,
        "encoder_ms": encoder_ms / (_megapixels(frame) - _megapixels(tiny)),
    }


def _of_units(work: Workload) -> dict[str, float]:
    """What a residual unit takes on windows and on frames."""
    large = _unit_ms(work, 1, LARGE_SIDE)
    small = _unit_ms(work, 1, SMALL_SIDE)
    many = _unit_ms(work, MANY, WINDOW_SIDE)
    few = _unit_ms(work, FEW, WINDOW_SIDE)
    window = (many - few) / (MANY - FEW)
    launch = max(few - FEW * window, 0.0)
    window = max(window, 1e-6)
    cached = small - launch
    dense = large - launch
    gmacs = work.unit_macs / 1e9
    return {
        "launch_ms": launch,
        "window_ms": window / (WINDOW * gmacs),
        "cached_ms": cached / (SMALL * gmacs),
        "dense_ms": dense / (LARGE * gmacs),
    }


def _of_tokens(work: Workload) -> dict[str, float]:
    """What leaving takes."""
    windows = _noise(work, TOKENS, work.channels, work.side)
    return {"token_ms": _time(work.leave, windows) / TOKENS}


def _unit_ms(work: Workload, number: int, side: int) -> float:
    windows = _noise(work, number, work.channels, side)
    return _time(work.unit, windows)


def _noise(work: Workload, number: int, channels: int, side: int) -> Tensor:
    """(number, channels, side, side) of the network's precision, on its device."""
    parameter = next(work.unit.parameters())
    shape = (number, channels, side, side)
    noise = torch.rand(shape, device=parameter.device, dtype=parameter.dtype)
    return noise.to(memory_format=torch.channels_last)


def _megapixels(frame: Tensor) -> float:
    height, width = frame.shape[-2:]
    return height * width / 1e6


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
