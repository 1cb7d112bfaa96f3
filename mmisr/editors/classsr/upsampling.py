"""What several of ClassSR's branches share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmisr.editors.classsr.initialise import conv3

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean of DIV2K, RGB in [0, 1]."""

STEPS = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}
"""By which factors, one after another, a scale is reached."""


def div2k_mean() -> Tensor:
    """(3, 1, 1) mean of DIV2K."""
    mean = torch.tensor(DIV2K_MEAN)
    return mean.view(3, 1, 1)


def enlargement(
    channels: int,
    scale: int,
    groups: int = 1,
    activation: Callable[[], nn.Module] = nn.Identity,
) -> nn.Sequential:
    """Convolutions and PixelShuffles by 2 (or one by 3) until the scale is reached.

    Args:
        channels: C, before and after.
        scale: 2, 3, 4 or 8.
        groups: Groups of the convolutions.
        activation: Makes what follows each convolution.

    Raises:
        ValueError: The scale is another.
    """
    if scale not in STEPS:
        raise ValueError(f"scale must be one of {list(STEPS)}, got {scale!r}")
    layers: list[nn.Module] = []
    for factor in STEPS[scale]:
        phases = factor**2
        widened = phases * channels
        conv = conv3(channels, widened, groups)
        layers.append(conv)
        layers.append(activation())
        shuffle = nn.PixelShuffle(factor)
        layers.append(shuffle)
    return nn.Sequential(*layers)
