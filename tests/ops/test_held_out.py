"""Networks that are used and are no part of a module."""

import copy

import torch
from torch import nn

from mmisr.ops.held_out import HoldsOut


class Taught(HoldsOut):
    def __init__(self):
        super().__init__()
        self.own = nn.Linear(3, 3)
        self.hold_out("teacher", nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)))


def test_it_is_no_part_of_the_module():
    module = Taught()
    assert set(module.state_dict()) == {"own.weight", "own.bias"}
    assert [name for name, _ in module.named_modules()] == ["", "own"]
    assert not any(p.requires_grad for p in module.teacher.parameters())


def test_it_stays_in_evaluation():
    module = Taught().train()
    before = module.teacher[1].running_mean.clone()
    module.teacher(torch.randn(4, 3))
    assert not module.teacher[1].training
    assert torch.equal(module.teacher[1].running_mean, before)


def test_gradients_pass_through_it():
    module = Taught()
    inputs = torch.randn(2, 3, requires_grad=True)
    module.teacher(inputs).sum().backward()
    assert inputs.grad.abs().sum() > 0
    assert all(p.grad is None for p in module.teacher.parameters())


def test_it_follows_the_module():
    module = nn.Sequential(Taught()).double()
    assert module[0].teacher[0].weight.dtype == torch.float64
    assert copy.deepcopy(module)[0].teacher[0].weight is not module[0].teacher[0].weight
