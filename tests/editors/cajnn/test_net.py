"""The network: the published size, what the dilations see, and where it starts."""

import pytest
import torch
from torch.nn import functional as F

from mmisr.editors.cajnn.net import (
    ASPP,
    DILATIONS,
    SCALES,
    SIZES,
    CAJNNNet,
    DenseBlock,
    NetSize,
    bilinear,
)

SMALL = NetSize(channels=6, growth=3, blocks=2)


def build(scale=4, size=SMALL, **keys):
    torch.manual_seed(0)
    return CAJNNNet(scale, size, **keys)


def weights(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_full_size_has_the_published_number_of_weights():
    """14.8 M in the paper; by hand from the layers."""
    conv = lambda inputs, outputs: 9 * inputs * outputs + outputs  # noqa: E731
    dense = sum(conv(64 + 32 * n, 32) for n in range(4)) + conv(64 + 128, 64)
    aspp = 3 * conv(64, 64) + 3 * 64 * 64 + 64
    ends = conv(3, 64) + 2 * conv(64, 256) + conv(64, 64) + conv(64, 3)
    count = weights(CAJNNNet(4, SIZES["paper"]))
    assert count == 20 * 3 * dense + aspp + ends == 14_847_491
    assert abs(count / 14.8e6 - 1) < 0.005


def test_the_nano_size_is_for_two_cores():
    assert 100_000 < weights(CAJNNNet(4, SIZES["nano"])) < 150_000


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("hw", [(1, 1), (5, 3), (16, 11)])
def test_any_size_comes_out_at_its_factor(scale, hw):
    net = build(scale)
    with torch.no_grad():
        assert tuple(net(torch.rand(2, 3, *hw)).shape) == (2, 3, hw[0] * scale, hw[1] * scale)


def test_the_context_sees_its_dilations_and_nothing_between():
    """By gradient: a centre pixel reads 3x3 taps at distances 1, 3 and 4."""
    torch.manual_seed(0)
    aspp = ASPP(2)
    x = torch.rand(1, 2, 13, 13, requires_grad=True)
    aspp(x)[..., 6, 6].sum().backward()
    seen = x.grad.abs().sum((0, 1)) > 0
    expected = torch.zeros(13, 13, dtype=torch.bool)
    for distance in (1, 3, 4):
        for down in (-distance, 0, distance):
            for right in (-distance, 0, distance):
                expected[6 + down, 6 + right] = True
    assert torch.equal(seen, expected)
    assert DILATIONS == (1, 3, 4)


def test_a_dense_block_is_its_equations():
    """Each layer reads all before it; a fifth of the last is added."""
    torch.manual_seed(0)
    block = DenseBlock(4, 3).double()
    x = torch.rand(2, 4, 7, 5, dtype=torch.double)
    seen = [x]
    for layer in block.layers:
        y = F.conv2d(torch.cat(seen, 1), layer.weight, layer.bias, padding=1)
        seen.append(F.leaky_relu(y, 0.2))
    last = F.conv2d(torch.cat(seen, 1), block.last.weight, block.last.bias, padding=1)
    torch.testing.assert_close(block(x), x + 0.2 * last)
    assert [layer.in_channels for layer in block.layers] == [4, 7, 10, 13]


@pytest.mark.parametrize("scale", SCALES)
def test_without_its_last_layer_it_is_bilinear(scale):
    net = build(scale)
    torch.nn.init.zeros_(net.last.weight)
    lr = torch.rand(1, 3, 9, 7)
    with torch.no_grad():
        image = net(lr)
    torch.testing.assert_close(image, bilinear(lr, scale))
    if scale == 1:
        assert torch.equal(image, lr)


def test_convention_bilinear_has_pixel_centres_at_half_integers():
    ramp = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 1, 2, 8)
    enlarged = bilinear(ramp, 4)
    positions = (torch.arange(32) + 0.5) / 4 - 0.5
    torch.testing.assert_close(enlarged[0, 0, 0], positions.clamp(0, 7))


def test_a_fresh_network_is_near_bilinear():
    lr = torch.rand(1, 3, 24, 24)
    net = CAJNNNet(4, SIZES["nano"])
    with torch.no_grad():
        assert (net(lr) - bilinear(lr, 4)).abs().mean() < 0.03


def test_gradients_reach_every_layer():
    net = build(restores_lr=True)
    image, restored = net.both(torch.rand(1, 3, 12, 12))
    (image.square().mean() + restored.square().mean()).backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


def test_the_lr_head_leaves_the_image_alone():
    lr = torch.rand(1, 3, 12, 12)
    net = build(restores_lr=True)
    with torch.no_grad():
        image, restored = net.both(lr)
        torch.testing.assert_close(image, net(lr))
    assert restored.shape == lr.shape
    assert not any("lr_head" in name for name in build().state_dict())
    with pytest.raises(ValueError, match=r"CAJNNNet\.both needs restores_lr=True"):
        build().both(lr)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"channels": 0}, r"CAJNN\.size\.channels must be at least 1, got 0"),
        ({"blocks": -1}, r"CAJNN\.size\.blocks must be at least 1, got -1"),
        ({"growth": 2.5}, r"CAJNN\.size\.growth must be int, got 2\.5"),
    ],
)
def test_bad_sizes_are_named(keys, message):
    with pytest.raises(ValueError, match=message):
        NetSize(**keys)


@pytest.mark.parametrize("scale", [0, 3, 16, True, "4", 2.5])
def test_scales_that_there_are_not(scale):
    with pytest.raises(
        ValueError, match=rf"CAJNN\.scale must be one of \(1, 2, 4, 8\), got.*{scale}"
    ):
        CAJNNNet(scale, SMALL)
