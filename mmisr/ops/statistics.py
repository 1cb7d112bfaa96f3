"""Mean and deviation of feature maps, channel by channel."""

from __future__ import annotations

from torch import Tensor

EPS = 1e-6


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of each image over its positions.

    Args:
        features: (B, C, h, w).

    Returns:
        (B, C, 1, 1) each; the deviation is at least 1e-3.
    """
    mean = features.mean((2, 3), keepdim=True)
    variance = features.var((2, 3), keepdim=True, unbiased=False)
    return mean, (variance + EPS).sqrt()


def standardised(features: Tensor) -> Tensor:
    """Each channel of each image with mean 0 and variance 1 over its positions.

    Args:
        features: (B, C, h, w).

    Returns:
        (B, C, h, w).
    """
    mean, deviation = moments(features)
    return (features - mean) / deviation


def rescaled_to(features: Tensor, target: Tensor) -> Tensor:
    """Features with the mean and the deviation that others have, channel by channel.

    Args:
        features: (B, C, h, w); gradients pass.
        target: The same; its statistics alone are read.

    Returns:
        (B, C, h, w).

    Example:
        >>> import torch
        >>> features = torch.arange(4.0).view(1, 1, 2, 2)
        >>> rescaled_to(features, 10 * features + 1).round(decimals=2).flatten().tolist()
        [1.0, 11.0, 21.0, 31.0]
    """
    mean, deviation = moments(target.detach())
    return standardised(features) * deviation + mean
