"""Modes of networks within and after."""

import pytest
import torch
from torch import nn

from mmisr.ops.modes import evaluating


def test_batch_norm_rests_within_and_modes_come_back():
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Sequential(nn.Dropout()).eval()).train()
    network[1].eval()
    with evaluating(network):
        network(torch.rand(4, 1, 3, 3))
    assert network[0].num_batches_tracked == 0
    assert [module.training for module in network.modules()] == [True, True, False, False]


def test_modes_come_back_after_an_error():
    network = nn.Dropout()
    with pytest.raises(RuntimeError, match="stop"), evaluating(network):
        raise RuntimeError("stop")
    assert network.training
