"""CARN-M: residual units that share their weights, cascaded twice."""

from __future__ import annotations

from itertools import cycle

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.editors.classsr.initialise import conv3
from mmisr.editors.classsr.upsampling import div2k_mean, enlargement

GROUPS = 4
LINKS = 3


class Unit(nn.Module):
    """Two grouped convolutions and a pointwise one, under a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv3(channels, channels, GROUPS)
        self.conv2 = conv3(channels, channels, GROUPS)
        self.conv3 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        inner = self.conv1(x)
        inner = F.relu(inner)
        inner = self.conv2(inner)
        inner = F.relu(inner)
        added = x + self.conv3(inner)
        return F.relu(added)


class Cascade(nn.Module):
    """What came before is kept beside every new output, and fused by 1x1 after each.

    Args:
        links: What runs in turn, three times in all; one alone shares its weights among them.
        channels: C.
    """

    def __init__(self, links: list[nn.Module], channels: int) -> None:
        super().__init__()
        self.links = nn.ModuleList(links)
        self.fusions = nn.ModuleList()
        for number in range(LINKS):
            inputs = number + 2
            fuse = fusion(inputs, channels)
            self.fusions.append(fuse)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        before = x
        links = cycle(self.links)
        for fuse in self.fusions:
            link = next(links)
            after = link(x)
            both = [before, after]
            before = torch.cat(both, dim=1)
            x = fuse(before)
        return x


def fusion(inputs: int, channels: int) -> nn.Module:
    """1x1 without bias, batch norm, ReLU.

    Source: the signature in ClassSR's official code, by which the bias that is meant becomes the
    batch norm's default.

    Args:
        inputs: How many C-channel maps come in.
        channels: C.
    """
    conv = nn.Conv2d(inputs * channels, channels, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())


class CARNM(nn.Module):
    """CARN-M, the mobile Cascading Residual Network.

    Source: Ahn, Kang, Sohn, ECCV 2018; as ClassSR's official code has it: grouped by four, one
    residual unit shared by the three steps of a block. The mean is a constant here, and a
    trainable 1x1 convolution there.

    Convention: (B, 3, h, w) RGB in [0, 1] to (B, 3, s*h, s*w).

    Args:
        channels: Width, a multiple of 4; ClassSR's branches have 36, 52 and 64.
        scale: Factor per axis: 2, 3, 4 or 8.

    Raises:
        ValueError: The scale or the width is another.
    """

    def __init__(self, channels: int, scale: int = 4) -> None:
        super().__init__()
        if channels < GROUPS or channels % GROUPS:
            raise ValueError(f"CARNM's channels must be a multiple of {GROUPS}, got {channels!r}")
        self.head = conv3(3, channels)
        blocks: list[nn.Module] = []
        for _ in range(LINKS):
            unit = Unit(channels)
            block = Cascade([unit], channels)
            blocks.append(block)
        self.body = Cascade(blocks, channels)
        self.enlarge = enlargement(channels, scale, GROUPS, nn.ReLU)
        self.tail = conv3(channels, 3)
        self.mean: Tensor
        self.register_buffer("mean", div2k_mean(), persistent=False)

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, 3, s*h, s*w)."""
        x = self.head(lr - self.mean)
        x = self.body(x)
        x = self.enlarge(x)
        return self.tail(x) + self.mean
