"""Run each input of a batch through a network of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


def each_by_its_own(
    networks: Iterable[Callable[[Tensor], Tensor]], inputs: Tensor, owners: Tensor, at_once: int
) -> Tensor:
    """Inputs of one network run together; the order stays.

    Args:
        networks: From (n, C, h, w) to (n, C', H, W), all to the same shape.
        inputs: (N, C, h, w), N at least 1.
        owners: (N,) int64, the number of the network of each input.
        at_once: So many inputs run in one pass at most.

    Returns:
        (N, C', H, W).

    Example:
        >>> networks = [torch.nn.Identity(), torch.nn.Threshold(9.0, 0.0)]
        >>> inputs = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1, 1)
        >>> each_by_its_own(networks, inputs, torch.tensor([0, 1, 0]), 8).flatten()
        tensor([1., 0., 3.])
    """
    outputs = []
    order = []
    for number, network in enumerate(networks):
        is_mine = owners == number
        mine = is_mine.nonzero().flatten()
        if not len(mine):
            continue
        for some in mine.split(at_once):
            output = network(inputs[some])
            outputs.append(output)
            order.append(some)
    by_network = torch.cat(outputs)
    back = torch.cat(order).argsort()
    return by_network[back]
