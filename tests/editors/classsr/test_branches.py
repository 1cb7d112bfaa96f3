"""The networks: sizes, scales and what they cost. Their values are in tests/golden."""

import pytest
import torch

from mmisr.editors.classsr.carn import CARNM
from mmisr.editors.classsr.fsrcnn import FSRCNN
from mmisr.editors.classsr.rcan import RCAN
from mmisr.editors.classsr.residual import ResidualSR
from mmisr.editors.classsr.srresnet import SRResNet
from mmisr.ops.macs import count_macs

SMALL = {
    "FSRCNN": lambda scale: FSRCNN(8, scale),
    "CARNM": lambda scale: CARNM(8, scale),
    "SRResNet": lambda scale: SRResNet(8, scale, units=1),
    "RCAN": lambda scale: RCAN(16, scale, groups=1, blocks=1),
    "ResidualSR": lambda scale: ResidualSR(8, scale, units=1),
}


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", SMALL)
def test_the_output_is_exactly_the_scale(name, scale):
    image = SMALL[name](scale)(torch.rand(2, 3, 7, 10))
    assert tuple(image.shape) == (2, 3, 7 * scale, 10 * scale)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_weight(name):
    net = SMALL[name](2)
    net(torch.rand(2, 3, 8, 8)).square().mean().backward()
    assert [key for key, p in net.named_parameters() if p.grad is None] == []


# Published FLOPs of a patch of 32 x 32 are twice our MACs. FSRCNN's 468 M there charge the
# transposed convolution once per output pixel, where it runs once per input pixel: 57 M less the
# class module.
@pytest.mark.parametrize(
    ("net", "gflops"),
    [
        (lambda: CARNM(64), 1.15),
        (lambda: SRResNet(64), 5.20),
        (lambda: RCAN(64), 32.60),
        (lambda: FSRCNN(56), 0.050),
    ],
)
def test_published_flops_of_a_patch(net, gflops):
    macs = count_macs(net(), torch.zeros(1, 3, 32, 32))
    assert 2 * macs / 1e9 == pytest.approx(gflops, rel=0.01)


def test_as_published_fsrcnn_would_charge_output_pixels():
    net = FSRCNN(56)
    macs = count_macs(net, torch.zeros(1, 3, 32, 32))
    transposed = net.tail.weight.numel() * 32**2
    assert 2 * (macs - transposed + 16 * transposed) / 1e6 == pytest.approx(468, rel=0.01)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: FSRCNN(8, 8), "FSRCNN's scale must be 2, 3 or 4, got 8"),
        (lambda: CARNM(6), "multiple of 4, got 6"),
        (lambda: CARNM(8, 5), r"scale must be one of \[2, 3, 4, 8\], got 5"),
        (lambda: RCAN(8), "at least its reduction of 16, got 8"),
        (lambda: ResidualSR(0), "of at least 1, got channels=0"),
    ],
)
def test_bad_values_are_named(make, text):
    with pytest.raises(ValueError, match=text):
        make()
