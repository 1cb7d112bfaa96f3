"""Compiled modules give what they give uncompiled, whatever the batch, and few graphs serve all."""

import shutil

import pytest
import torch
from torch import nn

from mmisr.ops.compiled import COUNTS, padded_count, run_compiled

SHAPES = [
    (1, 12, 12),
    (2, 12, 20),
    (3, 20, 12),
    (5, 12, 12),
    (7, 36, 20),
    (9, 20, 20),
    (12, 28, 36),
    (1, 36, 36),
]


@torch.no_grad()
def test_batches_of_every_count_and_size_share_few_graphs(graphs):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())
    for count, height, width in SHAPES:
        x = torch.rand(count, 4, height, width)
        torch.testing.assert_close(run_compiled(module, x), module(x), rtol=0, atol=1e-6)
    assert 1 <= graphs.frame_count <= 4, "square windows may have one of their own"


def test_counts_are_few_and_large_enough():
    found = {padded_count(count) for count in range(1, 129)}
    assert found == set(COUNTS)
    assert len(COUNTS) <= 8
    assert all(padded_count(count) >= count for count in range(1, 600))


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
@torch.no_grad()
def test_the_real_compiler_gives_the_same():
    torch._dynamo.reset()
    module = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()).to(
        memory_format=torch.channels_last
    )
    for count, height, width in SHAPES[2:5]:
        x = torch.rand(count, 4, height, width)
        torch.testing.assert_close(run_compiled(module, x), module(x), rtol=0, atol=1e-5)
    torch._dynamo.reset()
