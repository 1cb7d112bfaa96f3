"""ARRD, the decoder of AERIS: features of a view of any size to the clean HR image."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.pipeline.branch_layers import laterals, merged, residual_units

FACTOR = 4
"""By which the pixel shuffle enlarges: 48 channels to 3."""
WIDTH = 3 * FACTOR**2
"""Channels from the first convolution on."""


class ARRD(nn.Module):
    """The arbitrary-resolution restoration decoder.

    A convolution to 48 channels; what it gives is enlarged bilinearly (the skip), and so is what
    the residual units find in it; their sum is shuffled to an image, whose size is given and not
    a multiple of that of the features.

    Source: AERIS (Cui et al., ECCV 2022). There the features are 16 channels of a deconvolution in
    the detector's neck; here, for any detector, a 1x1 convolution makes them of each tap, and
    coarser ones are enlarged to the first and added.

    Args:
        in_channels: Channels of each tap, the finest first.
        channels: Channels that the branch works on.
        units: Residual units, 48 to ``channels`` to 48.
    """

    def __init__(self, in_channels: Sequence[int], channels: int = 16, units: int = 2) -> None:
        super().__init__()
        self.laterals = laterals(in_channels, channels, side=1)
        self.widen = nn.Conv2d(
            channels,
            WIDTH,
            kernel_size=3,
            padding=1,
        )
        self.body = residual_units(WIDTH, units, channels)
        self.shuffle = nn.PixelShuffle(FACTOR)

    def forward(self, taps: Sequence[Tensor], hw: tuple[int, int]) -> Tensor:
        """The image.

        Args:
            taps: (B, C_i, h_i, w_i), in the order of ``in_channels``.
            hw: Height and width of the image, multiples of 4.

        Returns:
            (B, 3, *hw) RGB in [0, 1], not clamped.
        """
        inner = merged(self.laterals, taps)
        wide = self.widen(inner)
        found = self.body(wide)
        skip = _enlarged(wide, hw)
        details = _enlarged(found, hw)
        return self.shuffle(skip + details)


def _enlarged(features: Tensor, hw: tuple[int, int]) -> Tensor:
    """Features of the size that the shuffle makes an image of."""
    height, width = hw
    rows = height // FACTOR
    columns = width // FACTOR
    size = (rows, columns)
    return F.interpolate(features, size, mode="bilinear", align_corners=False)
