"""SRFBN without modulation against what the authors' own code gives.

``data/srfbn.json`` says which commit; both sides have the same weights, a formula of their place.
"""

import pytest
import torch

from mmisr.editors.instance_modulation.net import GEOMETRY, SIZES, FeedbackNet, NetSize


def fill(net: torch.nn.Module) -> int:
    count = 0
    for parameter in net.parameters():
        k = torch.arange(parameter.numel(), dtype=torch.float64) + count
        values = 0.12 * torch.sin(0.37 * k)
        parameter.data = values.view(parameter.shape).to(parameter.dtype)
        count += parameter.numel()
    return count


def image(height: int, width: int) -> torch.Tensor:
    i = torch.arange(3 * height * width, dtype=torch.float64)
    return (0.5 + 0.5 * torch.sin(0.7 * i)).view(1, 3, height, width).float()


@pytest.mark.parametrize("scale", GEOMETRY)
def test_the_image_of_every_step(golden, scale):
    expected = golden("srfbn")[f"x{scale}"]
    net = FeedbackNet(scale, NetSize(channels=8, groups=3), steps=3)
    assert fill(net) == expected["parameters"]
    with torch.no_grad():
        images = net.all_images(image(6, 5))
    assert len(images) == len(expected["steps"])
    for output, step in zip(images, expected["steps"], strict=True):
        assert list(output.shape) == expected["shape"]
        pixels = output.flatten().double()
        assert pixels.mean().item() == pytest.approx(step["mean"], rel=1e-6)
        assert pixels[:4].tolist() == pytest.approx(step["first"], abs=2e-6)
        assert pixels[-4:].tolist() == pytest.approx(step["last"], abs=2e-6)


@pytest.mark.parametrize(("size", "name"), [("paper", "srfbn"), ("small", "srfbn_s")])
@pytest.mark.parametrize("steps", [1, 4])
def test_as_many_parameters_whatever_the_steps(golden, size, name, steps):
    net = FeedbackNet(4, SIZES[size], steps)
    count = sum(parameter.numel() for parameter in net.parameters())
    assert count == golden("srfbn")[name]["parameters"]
    published = {"srfbn": 3631, "srfbn_s": 483}
    assert count // 1000 == published[name]
