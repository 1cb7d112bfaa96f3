"""Multiply-accumulate counts of what really ran."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

Shape = tuple[int, ...]


@dataclass
class MacCount:
    """Multiply-accumulates of a block of code.

    Args:
        macs: How many, once the block has ended.
    """

    macs: float = 0.0


def count_macs(function: Callable[..., Any], *args: Any) -> float:
    """Count the multiply-accumulates of one call.

    What is counted: convolutions (transposed and deformable too), matrix products and attention, by
    the shapes that the kernels really got; one MAC is two FLOPs of PyTorch's ``FlopCounterMode``.
    So what an adaptive network skips is not counted, and what it adds (halo, encoder, overlap) is.
    What is not: resampling, normalisation, activations, sums, gathering, sorting, NMS, recurrent
    layers, and kernels of other libraries (mmcv's compiled ones).

    Source: ``torch.utils.flop_counter``; attention on the CPU, torchvision's deformable convolution
    and the fused transformer layers of evaluation mode, all of which it counts as 0, are ours.

    Args:
        function: What to call; it runs once, without gradients.
        args: What to call it with.

    Returns:
        MACs of this call.

    Example:
        >>> count_macs(torch.nn.Conv2d(3, 8, 3, padding=1), torch.zeros(1, 3, 10, 10))
        21600.0
    """
    with torch.no_grad(), counting_macs() as count:
        function(*args)
    return count.macs


@contextmanager
def counting_macs() -> Iterator[MacCount]:
    """Count the multiply-accumulates of whatever runs in a block, whose results can be used.

    What is counted is said in :func:`count_macs`. Gradients are as outside of the block.

    Yields:
        The count, which is complete when the block has ended.

    Example:
        >>> conv = torch.nn.Conv2d(3, 8, 3, padding=1)
        >>> with counting_macs() as count:
        ...     features = conv(torch.zeros(1, 3, 10, 10))
        >>> count.macs
        21600.0
    """
    count = MacCount()
    counter = FlopCounterMode(display=False, custom_mapping=_formulas())
    with _unfused_transformers(), counter:
        yield count
    count.macs = counter.get_total_flops() / 2


@contextmanager
def uncounted() -> Iterator[None]:
    """Charge nobody for what runs in a block: measuring, where it happens to be needed first.

    Nor does counting slow down what is timed there.

    Example:
        >>> conv = torch.nn.Conv2d(3, 8, 3, padding=1)
        >>> with counting_macs() as count, uncounted():
        ...     features = conv(torch.zeros(1, 3, 10, 10))
        >>> count.macs
        0.0
    """
    with _disable_current_modes():
        yield


def _formulas() -> dict[Any, Callable[..., int]]:
    """FLOPs of the operators that PyTorch has no formula for."""
    formulas: dict[Any, Callable[..., int]] = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention
    }
    if hasattr(torch.ops.torchvision, "deform_conv2d"):  # there once torchvision is imported
        formulas[torch.ops.torchvision.deform_conv2d] = _deform_conv
    return formulas


def _attention(
    query: Shape, key: Shape, value: Shape, *args: Any, out_shape: Any = None, **kwargs: Any
) -> int:
    return sdpa_flop_count(query, key, value)


def _deform_conv(image: Shape, weight: Shape, *args: Any, out_shape: Shape, **kwargs: Any) -> int:
    """As a convolution's; the bilinear reads are not counted."""
    batch, out_channels, out_h, out_w = out_shape
    _, channels_per_group, kernel_h, kernel_w = weight
    return 2 * batch * out_channels * out_h * out_w * channels_per_group * kernel_h * kernel_w


@contextmanager
def _unfused_transformers() -> Iterator[None]:
    """Have transformer layers call the operators that the counter knows.

    A fused call would count as nothing.
    """
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
