"""Losses as pure functions of tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mmisr.ops.coverage import raster

Losses = dict[str, Tensor | list[Tensor]]
"""Losses by name, as mmengine sums them.

Those whose name contains ``loss`` are minimised, the others are logged.
"""


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Absolute difference of every value."""
    return (sr - hr).abs()


def mse(sr: Tensor, hr: Tensor) -> Tensor:
    """Squared difference of every value."""
    return (sr - hr).square()


def charbonnier(sr: Tensor, hr: Tensor, eps: float = 1e-3) -> Tensor:
    """A smooth L1 of every value, ``sqrt((sr - hr)^2 + eps^2)``.

    Source: Charbonnier et al., ICIP 1994; ``eps`` of 1e-3 as in LapSRN (Lai et al., CVPR 2017).
    """
    return ((sr - hr).square() + eps**2).sqrt()


DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": l1,
    "mse": mse,
    "charbonnier": charbonnier,
}


def box_weights(
    boxes: Sequence[Tensor], hw: tuple[int, int], weight: float, dilate: float
) -> Tensor:
    """Weights of pixels that count more inside boxes.

    Args:
        boxes: For each image (N, 4) xyxy in the frame of the HR image.
        hw: Height and width of the HR images.
        weight: Weight inside the boxes.
        dilate: Pixels by which the boxes grow on each side.

    Returns:
        (B, 1, H, W): ``weight`` inside the dilated boxes, 1 outside.
    """
    masks = torch.stack([raster(b, hw, dilate) for b in boxes])
    return 1 + (weight - 1) * masks[:, None]


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean of ``values`` under weights that need not average to 1.

    Args:
        values: (B, C, H, W).
        weights: (B, 1, H, W).

    Returns:
        A scalar: the mean of the weighted values over the mean weight.
    """
    return (values * weights).mean() / weights.mean()


def scaled(losses: Mapping[str, Tensor | list[Tensor]], weight: float) -> Losses:
    """Scale what is minimised, and leave what is only logged.

    Args:
        losses: As a detector or an editor returns them.
        weight: The factor.

    Returns:
        The same names.
    """
    result: Losses = {}
    for name, value in losses.items():
        if "loss" not in name:
            result[name] = value
        elif isinstance(value, list):
            result[name] = [level * weight for level in value]
        else:
            result[name] = value * weight
    return result
