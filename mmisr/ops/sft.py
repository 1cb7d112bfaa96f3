"""Spatial feature transform: features that a map beside the image scales and shifts."""

from __future__ import annotations

from torch import Tensor, nn


class SFT(nn.Module):
    """Scale and shift every feature by what a map of conditions says of its place.

    Source: "Recovering Realistic Texture in Image Super-resolution by Deep Spatial Feature
    Transform" (Wang, Yu, Dong, Loy; CVPR 2018), Eq. 6, in the form ``x * (gamma + 1) + beta`` of
    BasicSR's training code; the first release has ``x * gamma + beta``.

    Args:
        channels: Of the features.
        conditions: Of the map.
        slope: Of the leaky ReLU between the two layers of gamma and of beta.

    Example:
        >>> import torch
        >>> layer = SFT(64, 32)
        >>> layer(torch.rand(1, 64, 5, 7), torch.rand(1, 32, 5, 7)).shape
        torch.Size([1, 64, 5, 7])
    """

    def __init__(self, channels: int, conditions: int, slope: float = 0.1) -> None:
        super().__init__()
        self.gamma = _pointwise(conditions, channels, slope)
        self.beta = _pointwise(conditions, channels, slope)

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        """Transform.

        Args:
            x: (B, channels, h, w).
            conditions: (B, conditions, h, w).

        Returns:
            (B, channels, h, w).
        """
        gamma = self.gamma(conditions)
        beta = self.beta(conditions)
        scaled = x * (gamma + 1)
        return scaled + beta

    def rest(self) -> None:
        """Set gamma and beta to 0, so that features pass as they are until they are taught."""
        for weight in self.gamma[-1].parameters():
            nn.init.zeros_(weight)
        for weight in self.beta[-1].parameters():
            nn.init.zeros_(weight)


def _pointwise(conditions: int, channels: int, slope: float) -> nn.Sequential:
    """Two 1x1 convolutions: what a place becomes depends on the map at that place alone."""
    return nn.Sequential(
        nn.Conv2d(conditions, conditions, 1),
        nn.LeakyReLU(slope),
        nn.Conv2d(conditions, channels, 1),
    )
