"""A branch that two CPU cores can train: residual units at LR size, and one exit."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.editors.classsr.initialise import conv3
from mmisr.ops.resample import bilinear


class Unit(nn.Module):
    """Conv-ReLU-Conv with a skip, no normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv3(channels, channels)
        self.conv2 = conv3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        inner = F.relu(self.conv1(x))
        return x + self.conv2(inner)


class ResidualSR(nn.Module):
    """Residual units under a long skip, one convolution to sub-pixels, on top of the bilinear skip.

    Source: ours; the shape of InstanceSR's decoder without its early exits. No layer runs at HR
    size, so that a narrow branch is as much cheaper as its width says.

    Convention: (B, 3, h, w) RGB in [0, 1] to (B, 3, s*h, s*w).

    Args:
        channels: Width.
        scale: Factor per axis, at least 1.
        units: Number of residual units.

    Raises:
        ValueError: A number is below 1.
    """

    def __init__(self, channels: int, scale: int = 4, units: int = 6) -> None:
        super().__init__()
        if min(channels, scale, units) < 1:
            raise ValueError(
                f"ResidualSR needs channels, scale and units of at least 1, got "
                f"channels={channels!r}, scale={scale!r}, units={units!r}"
            )
        self.scale = scale
        phases = scale**2
        body = [Unit(channels) for _ in range(units)]
        self.head = conv3(3, channels)
        self.body = nn.Sequential(*body)
        self.tail = conv3(channels, 3 * phases)
        # What is added to the skip starts near nothing.
        for parameter in self.tail.parameters():
            nn.init.normal_(parameter, std=1e-3)

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, 3, s*h, s*w)."""
        head = self.head(lr)
        body = self.body(head)
        x = head + body
        phases = self.tail(x)
        added = F.pixel_shuffle(phases, self.scale)
        skip = bilinear(lr, self.scale)
        return skip + added
