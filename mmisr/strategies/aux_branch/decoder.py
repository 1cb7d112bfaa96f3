"""The decoder of the auxiliary branch: detector features to an image, in training alone."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmisr.pipeline.branch_layers import laterals, merged, residual_units


class BranchDecoder(nn.Module):
    """Features of one or several depths to an RGB image of the detector's input size.

    Every tap has a 3x3 convolution to ``channels``; the coarser ones are enlarged to the first and
    added; residual units; a convolution and a pixel shuffle by the first one's stride.

    Source: the shape follows ARRD of AERIS (Cui et al., ECCV 2022) and the SR branch of SuperYOLO
    (Zhang et al., TGRS 2023); widths and depth are ours.

    Args:
        in_channels: Channels of each tap, the finest first.
        stride: Detector pixels per cell of the first tap.
        channels: Channels in between.
        units: Residual units.
    """

    def __init__(
        self, in_channels: Sequence[int], stride: int, channels: int = 48, units: int = 2
    ) -> None:
        super().__init__()
        self.laterals = laterals(in_channels, channels, side=3)
        self.body = residual_units(channels, units)
        shuffled = 3 * stride**2
        self.to_image = nn.Conv2d(
            channels,
            shuffled,
            kernel_size=3,
            padding=1,
        )
        self.shuffle = nn.PixelShuffle(stride)

    def features(self, taps: Sequence[Tensor]) -> Tensor:
        """What the image is made of.

        Args:
            taps: (B, C_i, h_i, w_i), in the order of ``in_channels``.

        Returns:
            (B, channels, h_0, w_0).
        """
        total = merged(self.laterals, taps)
        return self.body(total)

    def image(self, inner: Tensor) -> Tensor:
        """The image that inner features make.

        Args:
            inner: (B, channels, h_0, w_0) of :meth:`features`.

        Returns:
            (B, 3, stride * h_0, stride * w_0) RGB in [0, 1], not clamped.
        """
        return self.shuffle(self.to_image(inner))

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """The image.

        Args:
            taps: As in :meth:`features`.

        Returns:
            (B, 3, stride * h_0, stride * w_0) RGB in [0, 1], not clamped.
        """
        return self.image(self.features(taps))
