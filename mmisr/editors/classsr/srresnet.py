"""SRResNet without batch norm: ClassSR's third family of branches."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.editors.classsr.initialise import conv3, start_small
from mmisr.editors.classsr.residual import Unit
from mmisr.editors.classsr.upsampling import enlargement
from mmisr.ops.resample import bilinear

SLOPE = 0.1


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU with the slope of the paper's code."""
    return F.leaky_relu(x, SLOPE)


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
        activation = partial(nn.LeakyReLU, SLOPE)
        self.head = conv3(3, channels)
        self.body = nn.Sequential()
        for _ in range(units):
            unit = Unit(channels)
            self.body.append(unit)
        self.enlarge = enlargement(channels, scale, activation=activation)
        self.smooth = conv3(channels, channels)
        self.tail = conv3(channels, 3)
        start_small(self)

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, 3, s*h, s*w)."""
        x = self.head(lr)
        x = leaky(x)
        x = self.body(x)
        x = self.enlarge(x)
        x = self.smooth(x)
        x = leaky(x)
        added = self.tail(x)
        skip = bilinear(lr, self.scale)
        return skip + added
