"""SFTGAN's generator in plain torch: residual blocks whose features a map of classes modulates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.ops.resample import bilinear
from mmisr.ops.sft import SFT
from mmisr.structures.checks import check_fields
from mmisr.structures.frames import hw_of

STAGES = {2: 1, 4: 2, 8: 3}
"""Doublings of the size, by scale."""

CONDITION_SLOPE = 0.1
SFT_SLOPE = 0.01
"""Of the leaky ReLUs, as in the release that is the paper's network."""

SMALL = 1e-3
"""Deviation of the last layer's first weights where there is a skip: training begins at it."""


@dataclass(frozen=True)
class NetSize:
    """Width and depth of the generator; the paper's by default.

    Args:
        channels: Width of every convolution.
        blocks: Residual blocks.
        conditions: Channels that the map is turned into.
        hidden: Width of the condition network.
        skip: Whether the network adds to a bilinear enlargement of its input, which is learned in
            fewer iterations; the paper's makes the image itself.

    Raises:
        ValueError: A number is below 1.
    """

    channels: int = 64
    blocks: int = 16
    conditions: int = 32
    hidden: int = 128
    skip: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "SFTGAN.size")
        for name in ("channels", "blocks", "conditions", "hidden"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"SFTGAN.size.{name} must be at least 1, got {value!r}")


SIZES = {
    "paper": NetSize(),
    "nano": NetSize(channels=16, blocks=6, conditions=16, hidden=32, skip=True),
}
"""The paper's size, and one that two CPU cores train in minutes."""


def size_of(size: str | dict[str, Any]) -> NetSize:
    """A size by its name or its fields.

    Args:
        size: ``paper``, ``nano``, or the fields of :class:`NetSize`.

    Raises:
        ValueError: There is no such name, or a field is out of range.
        TypeError: An unknown field.

    Example:
        >>> size_of("nano").channels
        16
    """
    known = NetSize(**size) if isinstance(size, dict) else SIZES.get(size)
    if known is None:
        raise ValueError(
            f"SFTGAN.size must be one of {sorted(SIZES)}, or a dict of NetSize's fields, got "
            f"{size!r}"
        )
    return known


class ConditionNet(nn.Sequential):
    """Five 1x1 convolutions from the map of classes to what the layers are modulated by.

    Source: SFTGAN's CondNet. Its first convolution is 4x4 with a stride of 4, on a map of the HR
    image's size; ours is 1x1, on a map of the LR image's size, for any scale. On an enlarged map
    (nearest) both are the same, with the kernel summed.

    Args:
        maps: Channels of the map.
        size: Widths.
    """

    def __init__(self, maps: int, size: NetSize) -> None:
        hidden = size.hidden
        layers: list[nn.Module] = []
        before = maps
        for _ in range(4):
            layers.append(nn.Conv2d(before, hidden, 1))
            layers.append(nn.LeakyReLU(CONDITION_SLOPE))
            before = hidden
        last = nn.Conv2d(hidden, size.conditions, 1)
        layers.append(last)
        super().__init__(*layers)


class Block(nn.Module):
    """x + Conv(ReLU(SFT(Conv(ReLU(SFT(x)))))).

    Args:
        size: Width, and the conditions.
        modulated: False leaves the SFT layers out, as in SRGAN's generator.
    """

    def __init__(self, size: NetSize, modulated: bool) -> None:
        super().__init__()
        width = size.channels
        self.sft1 = _sft(size, modulated)
        self.conv1 = _conv(width, width)
        self.sft2 = _sft(size, modulated)
        self.conv2 = _conv(width, width)

    def forward(self, x: Tensor, conditions: Tensor | None) -> Tensor:
        """(B, C, h, w) to the same shape."""
        inner = _apply(self.sft1, x, conditions)
        inner = F.relu(inner)
        inner = self.conv1(inner)
        inner = _apply(self.sft2, inner, conditions)
        inner = F.relu(inner)
        inner = self.conv2(inner)
        return x + inner


class SFTGenerator(nn.Module):
    """Conv, residual blocks with SFT, a long skip, nearest x2 and Conv until the scale is reached.

    Source: "Recovering Realistic Texture in Image Super-resolution by Deep Spatial Feature
    Transform" (Wang, Yu, Dong, Loy; CVPR 2018) and the release that has the paper's network; SFT in
    the (gamma + 1) form. x2 and x8 repeat or leave out a doubling, which is ours, as are the map at
    LR size and sizes with a skip.

    Args:
        scale: 2, 4 or 8.
        maps: Channels of the map, the background among them; 0 leaves out all SFT layers, which is
            SRGAN's generator.
        size: See :func:`size_of`.

    Raises:
        ValueError: A scale or a size that is not supported.

    Example:
        >>> import torch
        >>> net = SFTGenerator(4, maps=2, size="nano")
        >>> net(torch.rand(1, 3, 5, 7), torch.rand(1, 2, 5, 7)).shape
        torch.Size([1, 3, 20, 28])
    """

    def __init__(self, scale: int, maps: int, size: str | dict[str, Any] = "paper") -> None:
        super().__init__()
        if isinstance(scale, bool) or scale not in STAGES:
            raise ValueError(f"SFTGAN.scale must be one of {tuple(STAGES)}, got {scale!r}")
        self.scale = int(scale)
        self.maps = maps
        self.size = size_of(size)
        width = self.size.channels
        modulated = maps > 0
        self.conditions = None
        if modulated:
            self.conditions = ConditionNet(maps, self.size)
        self.head = _conv(3, width)
        self.blocks = nn.ModuleList()
        for _ in range(self.size.blocks):
            block = Block(self.size, modulated)
            self.blocks.append(block)
        self.sft = _sft(self.size, modulated)
        self.merge = _conv(width, width)
        self.doublings = nn.ModuleList()
        for _ in range(STAGES[self.scale]):
            doubling = _conv(width, width)
            self.doublings.append(doubling)
        self.smooth = _conv(width, width)
        self.tail = _conv(width, 3)
        if self.size.skip:
            _start_small(self.tail)

    def forward(self, lr: Tensor, maps: Tensor | None = None) -> Tensor:
        """Super-resolve.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            maps: (B, maps, h, w), summing to 1 in every pixel; None where the network takes none.

        Returns:
            (B, 3, s*h, s*w), not clamped.

        Raises:
            ValueError: The map has another size or another number of classes.
        """
        self._check(lr, maps)
        conditions = None if self.conditions is None else self.conditions(maps)
        head = self.head(lr)
        x = head
        for block in self.blocks:
            x = block(x, conditions)
        x = _apply(self.sft, x, conditions)
        x = head + self.merge(x)
        for doubling in self.doublings:
            x = _doubled(x)
            x = doubling(x)
            x = F.relu(x)
        x = self.smooth(x)
        x = F.relu(x)
        image = self.tail(x)
        if not self.size.skip:
            return image
        enlarged = bilinear(lr, self.scale)
        return enlarged + image

    def rest(self) -> None:
        """Set every SFT layer to the identity, until it is taught."""
        for module in self.modules():
            if isinstance(module, SFT):
                module.rest()

    def _check(self, lr: Tensor, maps: Tensor | None) -> None:
        expected = len(lr), self.maps, *hw_of(lr)
        received = (len(lr), 0, *hw_of(lr)) if maps is None else tuple(maps.shape)
        if received != expected:
            raise ValueError(
                f"SFTGAN's map must have shape {expected} (images, classes with the background, "
                f"height and width of the LR image), got {received}; make it with "
                "mmisr.editors.sftgan.conditions.class_map"
            )


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _start_small(conv: nn.Conv2d) -> None:
    bias: Any = conv.bias
    nn.init.normal_(conv.weight, std=SMALL)
    nn.init.zeros_(bias)


def _sft(size: NetSize, modulated: bool) -> SFT | None:
    return SFT(size.channels, size.conditions, SFT_SLOPE) if modulated else None


def _apply(sft: SFT | None, x: Tensor, conditions: Tensor | None) -> Tensor:
    if sft is None or conditions is None:
        return x
    modulated: Tensor = sft(x, conditions)
    return modulated
