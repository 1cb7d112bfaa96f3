"""Inputs that go through networks of their own."""

import pytest
import torch
from torch import nn

from mmisr.ops.dispatch import each_by_its_own


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.seen = []

    def forward(self, x):
        self.seen.append(len(x))
        return self.factor * x


@pytest.mark.parametrize("at_once", [1, 2, 64])
def test_the_order_stays_and_no_pass_is_larger_than_asked(at_once):
    networks = [Times(1), Times(10), Times(100)]
    inputs = torch.arange(1.0, 8).view(7, 1, 1, 1).expand(-1, 3, 2, 2)
    owners = torch.tensor([2, 0, 2, 2, 0, 2, 2])
    outputs = each_by_its_own(networks, inputs, owners, at_once)
    assert outputs[:, 0, 0, 0].tolist() == [100, 2, 300, 400, 5, 600, 700]
    assert outputs.shape == inputs.shape
    assert networks[1].seen == [], "a network without inputs does not run"
    assert sum(networks[2].seen) == 5
    assert max(networks[2].seen) == min(at_once, 5)


def test_gradients_reach_every_network_that_ran():
    networks = nn.ModuleList([nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)])
    each_by_its_own(
        networks, torch.rand(4, 1, 2, 2), torch.tensor([0, 1, 1, 0]), 8
    ).sum().backward()
    assert all(network.weight.grad is not None for network in networks)
