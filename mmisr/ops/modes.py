"""Modes of networks: training and evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Within, a network is in evaluation; after it each of its modules is in the mode it was in.

    Args:
        network: Whose batch norms and dropouts are to rest.

    Example:
        >>> network = nn.Sequential(nn.Dropout(), nn.BatchNorm2d(1).eval())
        >>> with evaluating(network):
        ...     [module.training for module in network]
        [False, False]
        >>> [module.training for module in network]
        [True, False]
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
