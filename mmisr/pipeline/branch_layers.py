"""Layers that the decoders of auxiliary branches are made of, plain torch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.structures.frames import hw_of


class ResidualUnit(nn.Module):
    """Two convolutions and a skip, (B, C, h, w) to the same.

    Args:
        channels: C.
        inner: Channels between the two; None for C.
    """

    def __init__(self, channels: int, inner: int | None = None) -> None:
        super().__init__()
        between = channels if inner is None else inner
        self.body = nn.Sequential(
            nn.Conv2d(channels, between, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(between, channels, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Add what the body finds."""
        return features + self.body(features)


def laterals(in_channels: Sequence[int], channels: int, side: int) -> nn.ModuleList:
    """A convolution per tap, to channels that all have in common.

    Args:
        in_channels: Channels of each tap.
        channels: Channels of all of them afterwards.
        side: Of the kernels in cells, odd.
    """
    layers = nn.ModuleList()
    for depth in in_channels:
        layer = nn.Conv2d(depth, channels, side, padding=side // 2)
        layers.append(layer)
    return layers


def merged(layers: nn.ModuleList, taps: Sequence[Tensor]) -> Tensor:
    """Taps of several depths as one: the coarser ones are enlarged to the first and added.

    Args:
        layers: Of :func:`laterals`.
        taps: (B, C_i, h_i, w_i), the finest first.

    Returns:
        (B, channels, h_0, w_0).
    """
    hw = hw_of(taps[0])
    total = layers[0](taps[0])
    for layer, tap in zip(layers[1:], taps[1:], strict=True):
        coarse = layer(tap)
        enlarged = F.interpolate(coarse, hw, mode="bilinear", align_corners=False)
        total = total + enlarged
    return total


def residual_units(channels: int, units: int, inner: int | None = None) -> nn.Sequential:
    """Residual units one after another.

    Args:
        channels: Channels in and out.
        units: How many.
        inner: As in :class:`ResidualUnit`.
    """
    body = nn.Sequential()
    for _ in range(units):
        unit = ResidualUnit(channels, inner)
        body.append(unit)
    return body
