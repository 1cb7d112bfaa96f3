"""What chance decides, from a generator of one image's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Generator

Option = TypeVar("Option")


def uniform(draw: Generator, low: float, high: float) -> float:
    """A number of U(low, high).

    Args:
        draw: Where chance comes from.
        low: The lower end.
        high: The upper end.
    """
    share = torch.rand(1, generator=draw)
    return within((low, high), float(share))


def within(span: tuple[float, float], share: float) -> float:
    """The value that lies a share of the way from one end of a span to the other.

    Args:
        span: The two ends.
        share: 0 to 1.

    Example:
        >>> within((10.0, 30.0), 0.25)
        15.0
    """
    low, high = span
    return low + share * (high - low)


def whole(draw: Generator, low: int, high: int) -> int:
    """A whole number between two, both ends included, each as likely.

    Args:
        draw: Where chance comes from.
        low: The lower end.
        high: The upper end.
    """
    above = int(high) + 1
    number = torch.randint(int(low), above, (1,), generator=draw)
    return int(number)


def happens(draw: Generator, share: float) -> bool:
    """Whether what happens to a share of the images happens to this one.

    Nothing is drawn where it happens to none, so that a step that does not use it draws as if it
    were not there.

    Args:
        draw: Where chance comes from.
        share: 0 to 1.
    """
    return share > 0 and uniform(draw, 0.0, 1.0) < share


def choice(draw: Generator, options: Sequence[Option]) -> Option:
    """One of several, each as likely.

    Args:
        draw: Where chance comes from.
        options: At least one.
    """
    number = torch.randint(len(options), (1,), generator=draw)
    return options[int(number)]
