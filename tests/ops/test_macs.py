"""Counts against closed forms, in training and in evaluation mode."""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from mmisr.ops.macs import count_macs

IMAGE = torch.zeros(2, 4, 10, 12)
TOKENS = torch.zeros(1, 10, 16)
ATTENTION = 3 * 10 * 16 * 16 + 2 * 10 * 10 * 16 + 10 * 16 * 16


@pytest.mark.parametrize(
    ("module", "inputs", "expected"),
    [
        (nn.Conv2d(4, 8, 3, padding=1), (IMAGE,), 2 * 4 * 8 * 9 * 120),
        (nn.Conv2d(4, 8, 3, stride=2, padding=1), (IMAGE,), 2 * 4 * 8 * 9 * 30),
        (nn.Conv2d(4, 8, 3, padding=1, groups=2), (IMAGE,), 2 * 4 * 8 * 9 * 120 // 2),
        (nn.ConvTranspose2d(4, 8, 4, 2, 1), (IMAGE,), 2 * 4 * 8 * 16 * 120),
        (nn.Linear(16, 5), (TOKENS,), 10 * 16 * 5),
        (nn.MultiheadAttention(16, 2, batch_first=True), (TOKENS,) * 3, ATTENTION),
        (
            nn.TransformerEncoderLayer(16, 2, 32, batch_first=True),
            (TOKENS,),
            ATTENTION + 2 * 10 * 16 * 32,
        ),
        (nn.Sequential(nn.ReLU(), nn.PixelShuffle(2), nn.Upsample(scale_factor=2)), (IMAGE,), 0),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_modules(module, inputs, expected, training):
    """Evaluation mode runs fused transformer kernels, which PyTorch's own counter passes over."""
    assert count_macs(module.train(training), *inputs) == expected


def test_attention_function():
    query = torch.zeros(1, 2, 10, 8)
    assert count_macs(F.scaled_dot_product_attention, query, query, query) == 2 * 2 * 10 * 10 * 8


@pytest.mark.parametrize("groups", [1, 2])
def test_deformable_convolution(groups):
    module = torchvision.ops.DeformConv2d(4, 8, 3, padding=1, groups=groups)
    offset = torch.zeros(2, 18, 10, 12)
    assert count_macs(module, IMAGE, offset) == 2 * 4 * 8 * 9 * 120 // groups
    assert (
        count_macs(module, IMAGE, offset, torch.ones(2, 9, 10, 12)) == 2 * 4 * 8 * 9 * 120 // groups
    )


def test_what_is_skipped_is_not_counted():
    conv = nn.Conv2d(4, 4, 3, padding=1)
    assert count_macs(lambda x: conv(x[:1]), IMAGE) == count_macs(conv, IMAGE) / 2


@pytest.mark.parametrize("context", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_any_gradient_mode(context):
    conv = nn.Conv2d(4, 8, 3)
    with context():
        assert count_macs(conv, IMAGE) == 2 * 4 * 8 * 9 * 80


def test_leaves_the_settings_as_they_were():
    assert torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(RuntimeError):
        count_macs(nn.Conv2d(3, 8, 3), IMAGE)
    assert torch.backends.mha.get_fastpath_enabled()
