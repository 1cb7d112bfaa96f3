"""Multiply-accumulate counts of what really ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode


def count_macs(function: Callable[..., Any], *args: Any) -> float:
    """Count the multiply-accumulates of one call.

    Convolutions, matrix products and attention are counted, as PyTorch's own ``FlopCounterMode`` counts them (one MAC is
    two FLOPs); resampling, activations and additions are not. What an adaptive network skips is not counted, and what it
    adds (halo, encoder, fusion) is.

    Args:
        function: What to call.
        args: What to call it with.

    Returns:
        MACs of this call.

    Example:
        >>> count_macs(torch.nn.Conv2d(3, 8, 3, padding=1), torch.zeros(1, 3, 10, 10))
        21600.0
    """
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        function(*args)
    return counter.get_total_flops() / 2
