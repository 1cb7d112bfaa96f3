"""SRResNet without batch norm: ClassSR's third family of branches."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.editors.classsr.initialise import start_small
from mmisr.editors.classsr.residual import Unit
from mmisr.editors.classsr.upsampling import enlargement

SLOPE = 0.1


class SRResNet(nn.Module):
    """Residual units, sub-pixel steps with activations, two convolutions at SR size.

    Source: Ledig et al., CVPR 2017, as ClassSR's official code has it. ``mmagic.MSRResNet`` is the
    same without the activations after the sub-pixel steps.

    Convention: (B, 3, h, w) RGB in [0, 1] to (B, 3, s*h, s*w), on top of the bilinear skip.

    Args:
        channels: Width; ClassSR's branches have 36, 52 and 64.
        scale: Factor per axis: 2, 3, 4 or 8.
        units: Number of residual units.

    Raises:
        ValueError: The scale is another.
    """

    def __init__(self, channels: int, scale: int = 4, units: int = 16) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(Unit(channels) for _ in range(units)))
        activation = partial(nn.LeakyReLU, SLOPE)
        self.enlarge = enlargement(channels, scale, activation=activation)
        self.smooth = nn.Conv2d(channels, channels, 3, padding=1)
        self.tail = nn.Conv2d(channels, 3, 3, padding=1)
        start_small(self)

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, 3, s*h, s*w)."""
        x = F.leaky_relu(self.head(lr), SLOPE)
        x = self.enlarge(self.body(x))
        x = F.leaky_relu(self.smooth(x), SLOPE)
        skip = F.interpolate(lr, scale_factor=self.scale, mode="bilinear", align_corners=False)
        return skip + self.tail(x)
