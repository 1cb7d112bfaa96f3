"""What several of ClassSR's branches share."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean of DIV2K, RGB in [0, 1]."""

STEPS = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}
"""By which factors, one after another, a scale is reached."""


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
        conv = nn.Conv2d(channels, factor**2 * channels, 3, padding=1, groups=groups)
        layers += [conv, activation(), nn.PixelShuffle(factor)]
    return nn.Sequential(*layers)
