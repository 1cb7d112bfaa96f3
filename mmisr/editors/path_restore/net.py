"""Path-Restore's network in plain torch: a chain of blocks with a path for each patch."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.structures.checks import check_fields

SCALES = (1, 2, 3, 4, 8)
IDENTITY = 0
"""The path that computes nothing."""

Choose = Callable[[int, Tensor], Tensor]
"""Number of a block from 0 and its input (P, C, h, w) to the (P,) int64 paths to take."""


@dataclass(frozen=True)
class NetSize:
    """Width and depth of the network; the paper's by default.

    Args:
        channels: Width of every convolution.
        blocks: Number N of dynamic blocks.
        paths: Number M of paths in each, the identity among them.
        branch: Factor on the initial weights of the second convolution of every unit; 1, the
            default, is the paper's. Below, the chain begins near the identity, and learns in fewer
            iterations.

    Raises:
        ValueError: A number is below 1, or the factor not in (0, 1].
    """

    channels: int = 64
    blocks: int = 6
    paths: int = 2
    branch: float = 1.0

    def __post_init__(self) -> None:
        check_fields(self, "PathRestore.size")
        for name in ("channels", "blocks", "paths"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"PathRestore.size.{name} must be at least 1, got {value!r}")
        if not 0 < self.branch <= 1:
            raise ValueError(f"PathRestore.size.branch must be in (0, 1], got {self.branch!r}")


SIZES = {"paper": NetSize(), "nano": NetSize(channels=16, blocks=4, branch=0.1)}
"""The paper's size, and one that two CPU cores train in minutes."""


class ResidualUnit(nn.Module):
    """x + Conv(ReLU(Conv(ReLU(x)))): pre-activation, two 3 x 3 convolutions.

    Args:
        channels: Width.
        branch: Factor on the initial weights of the second one.
    """

    def __init__(self, channels: int, branch: float = 1.0) -> None:
        super().__init__()
        self.conv1 = _conv(channels, channels)
        self.conv2 = _conv(channels, channels)
        with torch.no_grad():
            self.conv2.weight.mul_(branch)

    def forward(self, x: Tensor) -> Tensor:
        """(P, C, h, w) to the same shape."""
        inner = self.conv1(F.relu(x))
        return x + self.conv2(F.relu(inner))


class DynamicBlock(nn.Module):
    """A unit that all patches take, then for each patch one of M paths.

    Source: Path-Restore, the dynamic block: path 0 is the identity, path k one more residual unit
    with weights of its own.

    Args:
        channels: Width.
        paths: M.
        branch: As in :class:`NetSize`.
    """

    def __init__(self, channels: int, paths: int, branch: float = 1.0) -> None:
        super().__init__()
        self.shared = ResidualUnit(channels, branch)
        units = [ResidualUnit(channels, branch) for _ in range(paths - 1)]
        self.paths = nn.ModuleList(units)

    def forward(self, x: Tensor, actions: Tensor) -> Tensor:
        """Batched by path: the patches of a path are gathered, run together and put back.

        Args:
            x: (P, C, h, w).
            actions: (P,) int64, the path of each patch.

        Returns:
            (P, C, h, w).
        """
        x = self.shared(x)
        for number, unit in enumerate(self.paths, start=1):
            goes_here = actions == number
            (chosen,) = torch.where(goes_here)
            if len(chosen) == len(x):
                return unit(x)
            if not len(chosen):
                continue
            gathered = x.index_select(0, chosen)
            after = unit(gathered)
            x = x.index_copy(0, chosen, after)
        return x


class PathRestoreNet(nn.Module):
    """Conv, N dynamic blocks, ReLU, Conv; x2 and more by a PixelShuffle at the end.

    Source: "Path-Restore: Learning Network Path Selection for Image Restoration" (Yu, Wang, Dong,
    Tang, Loy; TPAMI 2021) and the test graph of its code. The output is direct, without a skip from
    the input.

    Args:
        scale: 1 (denoising), 2, 3, 4 or 8.
        size: Width and depth.

    Raises:
        ValueError: A scale that is not supported.
    """

    def __init__(self, scale: int = 1, size: NetSize | None = None) -> None:
        super().__init__()
        if isinstance(scale, bool) or scale not in SCALES:
            raise ValueError(f"PathRestore.scale must be one of {SCALES}, got {scale!r}")
        self.scale = int(scale)
        self.size = size or NetSize()
        width = self.size.channels
        paths = self.size.paths
        branch = self.size.branch
        subpixels = self.scale**2
        self.head = _conv(3, width)
        blocks = [DynamicBlock(width, paths, branch) for _ in range(self.size.blocks)]
        self.blocks = nn.ModuleList(blocks)
        self.tail = _conv(width, 3 * subpixels)
        # Faster on CPU and GPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, patches: Tensor, choose: Choose) -> Tensor:
        """Restore patches, each by its own path.

        Args:
            patches: (P, 3, h, w) RGB in [0, 1].
            choose: Decides block by block; it sees the block's input.

        Returns:
            (P, 3, s*h, s*w), not clamped.
        """
        walk = self._features(patches, choose)
        last = deque(walk, maxlen=1)
        return self._image(last[0])

    def after_each_block(self, patches: Tensor, choose: Choose) -> list[Tensor]:
        """What the tail makes of the features after every block: N images, the last the output.

        Args:
            patches: (P, 3, h, w) RGB in [0, 1].
            choose: As in :meth:`forward`.
        """
        return [self._image(after) for after in self._features(patches, choose)]

    def _features(self, patches: Tensor, choose: Choose) -> Iterator[Tensor]:
        """After every block, (P, C, h, w)."""
        features = self.head(patches)
        for number, block in enumerate(self.blocks):
            actions = choose(number, features)
            features = block(features, actions)
            yield features

    def _image(self, features: Tensor) -> Tensor:
        subpixels = self.tail(F.relu(features))
        return F.pixel_shuffle(subpixels, self.scale)


def along(routes: Tensor) -> Choose:
    """Paths that were chosen before.

    Args:
        routes: (P, N) int64: of each patch, its path in every block.
    """
    return lambda block, features: routes[:, block]


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3 x 3 convolution, initialised by N(0, sqrt(2 / (9 f))) with f outputs; biases are 0."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    nn.init.normal_(conv.weight, 0, math.sqrt(2 / (9 * outputs)))
    conv.bias = nn.Parameter(torch.zeros(outputs))
    return conv
