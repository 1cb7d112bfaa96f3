"""Modules compiled by torch.compile for batches whose counts vary.

Padded to few counts, so that few graphs serve all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import cast

import torch
from torch import Tensor, nn

COUNTS = (2, 4, 8, 16, 32, 64, 128)
"""Batches are padded to one of these. One alone would be compiled as a case of its own."""


def padded_count(count: int) -> int:
    """The next of :data:`COUNTS`; beyond the last, the next multiple of it.

    Example:
        >>> [padded_count(count) for count in (1, 2, 5, 128, 129)]
        [2, 2, 8, 128, 256]
    """
    last = COUNTS[-1]
    return next((c for c in COUNTS if c >= count), -(-count // last) * last)


def run_compiled(module: nn.Module, x: Tensor) -> Tensor:
    """What ``module`` gives for a batch, compiled.

    The first call of a kind takes a minute, the next ones none.

    Height, width and count are symbols of one graph, so windows of all sizes share it.

    Args:
        module: Without state that a call changes; each entry of the batch must go through it alone.
        x: (N, C, h, w).

    Returns:
        (N, ...), as ``module(x)`` to rounding.
    """
    extra = padded_count(len(x)) - len(x)
    filled = torch.cat([x, x.new_zeros(extra, *x.shape[1:])]) if extra else x
    return _compiled()(module, filled.contiguous(memory_format=torch.channels_last))[: len(x)]


@cache
def _compiled() -> Callable[[nn.Module, Tensor], Tensor]:
    return cast(Callable[[nn.Module, Tensor], Tensor], torch.compile(_call, dynamic=True))


def _call(module: nn.Module, x: Tensor) -> Tensor:
    return cast(Tensor, module(x))
