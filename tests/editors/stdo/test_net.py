"""WDSR: sizes, gains at the start, weights that are folded for playing."""

import pytest
import torch

from mmisr.editors.stdo.net import WDSR, folded_state


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_output_is_exactly_the_scale(scale):
    net = WDSR(scale, blocks=2, width=4)
    assert net(torch.rand(2, 3, 5, 7)).shape == (2, 3, 5 * scale, 7 * scale)


def parameters(net: WDSR) -> int:
    return sum(weight.numel() for weight in folded_state(net).values())


def test_the_published_size_has_its_parameters():
    """By hand: head 27w + w, block 72w^2 + 5w, tail 432w + 48, skip 75 * 48 + 48, at w = 32."""
    w = 32
    block = 9 * w * 4 * w * 2 + 4 * w + w
    expected = 27 * w + w + 16 * block + 9 * w * 48 + 48 + 3 * 25 * 48 + 48
    assert parameters(WDSR(4)) == expected == 1_200_624


def test_gains_at_the_start():
    net = WDSR(4, blocks=4, width=6)
    for conv, norm in ((net.body[1].expand, 2.0), (net.body[1].reduce, 0.5), (net.head, 1.0)):
        weight = conv.weight.detach().flatten(1)
        torch.testing.assert_close(weight.norm(dim=1), torch.full((len(weight),), norm))


def test_gains_and_directions_are_learned():
    net = WDSR(2, blocks=1, width=4)
    net(torch.rand(1, 3, 4, 4)).sum().backward()
    names = [name for name, _ in net.named_parameters() if name.startswith("body.0.expand")]
    assert len(names) == 3  # gain, direction, bias
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_folded_weights_give_the_same_image():
    torch.manual_seed(0)
    net = WDSR(3, blocks=2, width=4)
    folded = WDSR(3, blocks=2, width=4, folded=True)
    folded.load_state_dict(folded_state(net))
    lr = torch.rand(1, 3, 6, 5)
    torch.testing.assert_close(folded(lr), net(lr))


@pytest.mark.parametrize("name", ["scale", "blocks", "width", "expansion"])
def test_sizes_are_whole_numbers_of_at_least_1(name):
    for value in (0, 2.5):
        with pytest.raises(ValueError, match=rf"{name} must be a whole number.*got {value}"):
            WDSR(**{"scale": 2, name: value})
