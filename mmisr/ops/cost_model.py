"""What convolutions cost on a device, measured once: the ground on which a planner chooses."""

from __future__ import annotations

import json
import math
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor, nn

SMALL, LARGE = 256 * 256, 480 * 480
"""Pixels of a frame whose features stay in a CPU's caches, and of one whose features do not."""


@dataclass(frozen=True)
class CostModel:
    """Milliseconds of convolutions, linear in their MACs.

    Defaults are those of two CPU cores. They decide between ways to compute the same thing, so only their ratios
    matter there; a budget in milliseconds needs the device's own.

    Args:
        launch_ms: Of one batch through one residual unit, whatever its size.
        window_ms: Of a GMAC in windows that stay in the caches.
        dense_ms: Of a GMAC over a frame that does not.
        token_ms: Of gathering and scattering one token.
        frame_ms: Of a megapixel of the input through all that every pixel needs (encoder, trunk, easy exit).
    """

    launch_ms: float = 0.1
    window_ms: float = 12.0
    dense_ms: float = 16.0
    token_ms: float = 0.002
    frame_ms: float = 600.0

    def batch(self, gmacs: float, pixels: int, launches: int) -> float:
        """Milliseconds of a batch of equal windows, or of a frame.

        Args:
            gmacs: Of all convolutions together.
            pixels: Of one window; larger ones leave the caches.
            launches: Residual units it runs through.
        """
        share = min(max(math.log(pixels / SMALL) / math.log(LARGE / SMALL), 0.0), 1.0)
        return launches * self.launch_ms + gmacs * (self.window_ms + share * (self.dense_ms - self.window_ms))


@torch.no_grad()
def calibrate(unit: nn.Module, channels: int, unit_macs: int, frame: Callable[[Tensor], object]) -> CostModel:
    """Measure a network on the device that it is on; takes a second or two.

    Args:
        unit: Its residual unit, (N, C, h, w) to the same; a module whose parameters say device and precision.
        channels: C.
        unit_macs: MACs of the unit per pixel.
        frame: What runs once over every frame (1, 3, h, w).

    Returns:
        The device's costs.
    """
    parameter = next(unit.parameters())

    def features(number: int, width: int, side: int) -> Tensor:
        x = torch.rand(number, width, side, side, device=parameter.device, dtype=parameter.dtype)
        return x.to(memory_format=torch.channels_last)

    small, many, large = (_time(unit, features(n, channels, side)) for n, side in ((1, 16), (16, 32), (1, 480)))
    rate = unit_macs / 1e9
    window_ms = max(many - small, 1e-6) / ((16 * 32 * 32 - 16 * 16) * rate)
    launch_ms = max(small - 16 * 16 * rate * window_ms, 0.0)
    dense_ms = max((large - launch_ms) / (480 * 480 * rate), window_ms)
    token_ms = 2 * _time(torch.clone, features(512, channels, 10)) / 512
    frame_ms = _time(frame, features(1, 3, 320)) / 0.1024
    return CostModel(launch_ms, window_ms, dense_ms, token_ms, frame_ms)


def measured(name: str, unit: nn.Module, channels: int, unit_macs: int, frame: Callable[[Tensor], object]) -> CostModel:
    """The costs on the device that a network is on: from the cache, or measured now and kept there.

    The cache is one JSON file a network, device, thread count, precision and torch version, under
    ``$XDG_CACHE_HOME/mmisr`` (``~/.cache/mmisr``). A file that cannot be read is measured again; a folder that cannot be
    written is no error.

    Args:
        name: Of the network.
        unit: See :func:`calibrate`, as the others.
        channels: Channels of its input.
        unit_macs: MACs per pixel.
        frame: What runs once over every frame.
    """
    parameter = next(unit.parameters())
    device = torch.cuda.get_device_name(parameter.device) if parameter.is_cuda else platform.processor() or "cpu"
    words = (name, device, platform.node(), torch.get_num_threads(), parameter.dtype, torch.__version__)
    path = _cache_folder() / ("-".join(str(w).replace("/", "_").replace(" ", "_") for w in words) + ".json")
    if path not in _known:
        try:
            _known[path] = CostModel(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            _known[path] = calibrate(unit, channels, unit_macs, frame)
            _keep(path, _known[path])
    return _known[path]


_known: dict[Path, CostModel] = {}


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmisr" / "cost_model"


def _keep(path: Path, costs: CostModel) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            json.dump(asdict(costs), file)
        Path(file.name).replace(path)
    except OSError:
        pass  # measured again next time


def _time(call: Callable[[Tensor], object], x: Tensor) -> float:
    """Least milliseconds of a call: other work on the machine only ever adds to them."""
    times = []
    for _ in range(12):
        start = perf_counter()
        call(x)
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
        times.append((perf_counter() - start) * 1000)
    return min(times)
