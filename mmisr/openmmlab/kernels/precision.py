"""The precision that the kernels compute in: at least float32, whatever autocast hands them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

NARROW = (torch.float16, torch.bfloat16)
"""Types that are computed in float32.

torchvision's CPU kernels know no bfloat16, its nms no float16, and box corners lose whole pixels in
both.
"""

Result = TypeVar("Result")


def widen(tensor: Tensor) -> Tensor:
    """float16 and bfloat16 become float32; anything else stays as it is."""
    return tensor.float() if tensor.dtype in NARROW else tensor


def without_autocast(kernel: Callable[..., Result]) -> Callable[..., Result]:
    """Run ``kernel`` with autocast off: nothing inside narrows what :func:`widen` has widened.

    Args:
        kernel: A function whose first argument is a tensor; autocast is switched off for that
            tensor's device.

    Returns:
        The kernel under its own name.
    """

    @functools.wraps(kernel)
    def run(first: Tensor, *args: Any, **kwargs: Any) -> Result:
        with torch.autocast(first.device.type, enabled=False):
            return kernel(first, *args, **kwargs)

    return run
