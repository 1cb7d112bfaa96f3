"""CAJNN's network in plain torch: context at three dilations, dense residual blocks, sub-pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.ops.resample import bilinear
from mmisr.structures.checks import check_fields

SCALES = (1, 2, 4, 8)
"""Factors; 1 only removes artifacts."""

DILATIONS = (1, 3, 4)
SLOPE = 0.2
LAYERS = 4
"""Of a dense block, before the last."""

RESIDUAL = 0.2
"""How much of what a dense block computes is added to its input."""

LAST_START = 0.1
"""Factor on the initial weights of the last layers: a fresh network is close to bilinear."""


@dataclass(frozen=True)
class NetSize:
    """Width and depth of the network; the paper's by default.

    Args:
        channels: Width of the features.
        growth: Channels that each layer of a dense block adds.
        blocks: Number of residual-in-residual dense blocks.

    Raises:
        ValueError: A number is below 1.
    """

    channels: int = 64
    growth: int = 32
    blocks: int = 20

    def __post_init__(self) -> None:
        check_fields(self, "CAJNN.size")
        for name in ("channels", "growth", "blocks"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"CAJNN.size.{name} must be at least 1, got {value!r}")


SIZES = {"paper": NetSize(), "nano": NetSize(channels=16, growth=8, blocks=2)}
"""The paper's size, and one that two CPU cores train in minutes."""


class ASPP(nn.Module):
    """Parallel 3x3 convolutions of several dilations, joined by a 1x1 convolution.

    Source: CAJNN, context extraction; atrous spatial pyramid pooling (Chen et al., 2017) without
    its pooling branch. The activation before the joint is ours.

    Args:
        channels: C, before and after.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        branches = [conv3(channels, channels, dilation) for dilation in DILATIONS]
        self.branches = nn.ModuleList(branches)
        joined = len(DILATIONS) * channels
        self.joint = nn.Conv2d(joined, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        contexts = []
        for branch in self.branches:
            context = branch(x)
            contexts.append(active(context))
        joined = torch.cat(contexts, 1)
        return self.joint(joined)


class DenseBlock(nn.Module):
    """Four layers that see all before them, and a fifth that adds to the input.

    Source: ESRGAN's residual dense block (Wang et al., ECCVW 2018); no batch norm.

    Args:
        channels: C, before and after.
        growth: Channels that each of the four adds.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        layers = []
        width = channels
        for _ in range(LAYERS):
            layer = conv3(width, growth)
            start_small(layer)
            layers.append(layer)
            width += growth
        self.layers = nn.ModuleList(layers)
        self.last = conv3(width, channels)
        start_small(self.last)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        seen = x
        for layer in self.layers:
            new = layer(seen)
            seen = torch.cat((seen, active(new)), 1)
        added = self.last(seen)
        return x + RESIDUAL * added


class RRDB(nn.Module):
    """Residual-in-residual dense block: three dense blocks with a skip around them.

    Source: ESRGAN. mmagic's ``RRDBNet`` has it too, inside a network with nearest-neighbour
    enlargement; networks of rooms are plain torch, so it is written again here.

    Args:
        channels: C, before and after.
        growth: As in :class:`DenseBlock`.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        blocks = [DenseBlock(channels, growth) for _ in range(3)]
        self.body = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        added = self.body(x)
        return x + RESIDUAL * added


class CAJNNNet(nn.Module):
    """Conv, ASPP, RRDBs, sub-pixel enlargement, two convolutions; all on top of bilinear pixels.

    Source: "Boosting High-Level Vision with Joint Compression Artifacts Reduction and
    Super-Resolution" (Xiang, Lin, Allebach; ICPR 2020). The enlargement is made of steps by 2, by
    which the published 14.8 M weights come out.

    Args:
        scale: 1 (artifact removal alone), 2, 4 or 8.
        size: Width and depth.
        restores_lr: Whether the head for the restored LR image is there, see :meth:`both`.

    Raises:
        ValueError: A scale that is not supported.
    """

    def __init__(
        self, scale: int = 4, size: NetSize | None = None, restores_lr: bool = False
    ) -> None:
        super().__init__()
        if isinstance(scale, bool) or scale not in SCALES:
            raise ValueError(f"CAJNN.scale must be one of {SCALES}, got {scale!r}")
        self.scale = int(scale)
        size = size or NetSize()
        width = size.channels
        self.head = conv3(3, width)
        self.context = ASPP(width)
        blocks = [RRDB(width, size.growth) for _ in range(size.blocks)]
        self.trunk = nn.Sequential(*blocks)
        self.enlarge = enlargement(width, self.scale)
        self.refine = conv3(width, width)
        self.last = near_zero(width)
        self.lr_head = near_zero(width) if restores_lr else None
        # Faster on CPU and GPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, lr: Tensor) -> Tensor:
        """Restore and enlarge.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].

        Returns:
            (B, 3, s*h, s*w), not clamped.
        """
        features = self._features(lr)
        return self._image(lr, features)

    def both(self, lr: Tensor) -> tuple[Tensor, Tensor]:
        """The SR image, and the restored LR image from the features before the enlargement.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].

        Returns:
            (B, 3, s*h, s*w) and (B, 3, h, w), not clamped.

        Raises:
            ValueError: The network was built without the head.
        """
        if self.lr_head is None:
            raise ValueError("CAJNNNet.both needs restores_lr=True, got a network without the head")
        features = self._features(lr)
        image = self._image(lr, features)
        restored = lr + self.lr_head(features)
        return image, restored

    def _features(self, lr: Tensor) -> Tensor:
        """(B, C, h, w)."""
        shallow = self.head(lr)
        context = self.context(shallow)
        return self.trunk(context)

    def _image(self, lr: Tensor, features: Tensor) -> Tensor:
        enlarged = self.enlarge(features)
        refined = self.refine(enlarged)
        detail = self.last(active(refined))
        smooth = bilinear(lr, self.scale)
        return smooth + detail


def active(x: Tensor) -> Tensor:
    """The activation of every layer that has one."""
    return F.leaky_relu(x, SLOPE)


def conv3(inputs: int, outputs: int, dilation: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size.

    Args:
        inputs: Channels before.
        outputs: Channels after.
        dilation: Distance of its taps in pixels; 1 by default.
    """
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)


def enlargement(channels: int, scale: int) -> nn.Sequential:
    """Convolutions and PixelShuffles by 2 until a scale is reached; one convolution at scale 1.

    Args:
        channels: C, before and after.
        scale: A power of two.
    """
    activation = nn.LeakyReLU(SLOPE)
    if scale == 1:
        conv = conv3(channels, channels)
        return nn.Sequential(conv, activation)
    layers: list[nn.Module] = []
    shuffle = nn.PixelShuffle(2)
    steps = scale.bit_length() - 1
    for _ in range(steps):
        conv = conv3(channels, 4 * channels)
        layers += [conv, shuffle, activation]
    return nn.Sequential(*layers)


@torch.no_grad()
def start_small(conv: nn.Conv2d) -> None:
    """Kaiming's normal weights times 0.1, biases of zero, as ESRGAN starts its dense blocks.

    Args:
        conv: Changed in place.
    """
    nn.init.kaiming_normal_(conv.weight, mode="fan_in")
    conv.weight.mul_(0.1)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]


@torch.no_grad()
def near_zero(channels: int) -> nn.Conv2d:
    """A convolution to RGB that adds next to nothing at first.

    Args:
        channels: Channels before.
    """
    conv = conv3(channels, 3)
    conv.weight.mul_(LAST_START)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv
