"""ClassSR's networks and losses against what the authors' own code gives.

``data/classsr.json`` says which commit; both sides have the same weights, a formula of their place.
"""

import pytest
import torch
from torch import Tensor, nn

from mmisr.editors.classsr.carn import CARNM
from mmisr.editors.classsr.classifier import Classifier
from mmisr.editors.classsr.fsrcnn import FSRCNN
from mmisr.editors.classsr.losses import average_loss, class_loss
from mmisr.editors.classsr.rcan import RCAN
from mmisr.editors.classsr.srresnet import SRResNet

NETWORKS = {
    **{f"fsrcnn_{d}": lambda d=d: FSRCNN(d) for d in (16, 36, 56)},
    **{f"carn_m_{c}": lambda c=c: CARNM(c) for c in (36, 52, 64)},
    **{f"srresnet_{c}": lambda c=c: SRResNet(c) for c in (36, 52, 64)},
    "rcan_36": lambda: RCAN(36, groups=2, blocks=2),
    "classifier": lambda: Classifier(3),
}


def fill(net: nn.Module) -> int:
    count = 0
    for parameter in net.parameters():
        k = torch.arange(parameter.numel(), dtype=torch.float64) + count
        parameter.data = (0.05 * torch.sin(0.37 * k)).view(parameter.shape).to(parameter.dtype)
        count += parameter.numel()
    return count


def image(height: int, width: int) -> Tensor:
    i = torch.arange(3 * height * width, dtype=torch.float64)
    return (0.5 + 0.5 * torch.sin(0.7 * i)).view(1, 3, height, width).float()


@pytest.mark.parametrize("name", NETWORKS)
def test_network(golden, name):
    expected = golden("classsr")[name]
    net = NETWORKS[name]().eval()
    if name == "classifier":  # the official one has its last layer first
        net = nn.ModuleDict({"last": net.last, "features": net.features, "whole": net}).eval()
        assert fill(net) == expected["parameters"]
        net = net["whole"]
    else:
        assert fill(net) == expected["parameters"]
    with torch.no_grad():
        output = net(image(32, 32) if name == "classifier" else image(6, 5))
    assert list(output.shape) == expected["shape"]
    pixels = output.flatten().double()
    assert pixels.mean().item() == pytest.approx(expected["mean"], rel=1e-5)
    assert pixels[:4].tolist() == pytest.approx(expected["first"], rel=1e-4, abs=1e-6)
    assert pixels[-4:].tolist() == pytest.approx(expected["last"], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("channels", [36, 50, 64])
def test_full_rcan_has_as_many_parameters(golden, channels):
    count = sum(parameter.numel() for parameter in RCAN(channels).parameters())
    assert count == golden("classsr")[f"rcan_{channels}_parameters"]


def test_losses(golden):
    p = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3], [1 / 3, 1 / 3, 1 / 3]])
    expected = golden("classsr")
    assert class_loss(p).item() == pytest.approx(expected["class_loss"], rel=1e-6)
    assert average_loss(p).item() == pytest.approx(expected["average_loss"], rel=1e-6)
