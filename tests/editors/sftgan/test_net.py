"""The generator: sizes, what a map does to it, and what it is without one."""

import pytest
import torch

from mmisr.editors.sftgan.net import NetSize, SFTGenerator, size_of

SMALL = {"channels": 6, "blocks": 2, "conditions": 4, "hidden": 5}


def nets(scale=4, maps=3, **fields):
    """A generator with SFT layers at rest, and the same without any."""
    torch.manual_seed(0)
    net = SFTGenerator(scale, maps, SMALL | fields)
    plain = SFTGenerator(scale, 0, SMALL | fields)
    state = net.state_dict()
    plain.load_state_dict({name: state[name] for name in plain.state_dict()})
    net.rest()
    return net, plain


def maps_like(lr, maps=3):
    drawn = torch.rand(len(lr), maps, *lr.shape[-2:], generator=torch.Generator().manual_seed(3))
    return drawn / drawn.sum(1, keepdim=True)


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("skip", [False, True])
def test_sizes(scale, skip):
    net, _ = nets(scale, skip=skip)
    lr = torch.rand(2, 3, 5, 7)
    assert net(lr, maps_like(lr)).shape == (2, 3, 5 * scale, 7 * scale)


@pytest.mark.parametrize("skip", [False, True])
def test_at_rest_it_is_srgans_generator_bit_for_bit(skip):
    net, plain = nets(skip=skip)
    lr = torch.rand(2, 3, 9, 8)
    background = torch.zeros(2, 3, 9, 8)
    background[:, 0] = 1
    assert torch.equal(net(lr, background), plain(lr))
    assert torch.equal(net(lr, maps_like(lr)), plain(lr))


def test_the_paper_s_weights_are_as_many_as_its_layers_say():
    net = SFTGenerator(4, 8, "paper")
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in parts(net).items()}
    conv = 64 * 64 * 9 + 64
    sft = 2 * (32 * 32 + 32 + 32 * 64 + 64)
    assert counts["blocks"] == 16 * 2 * (conv + sft)
    assert counts["sft"] == sft
    # Ours is 1x1 first, where the release has 4x4.
    assert counts["conditions"] == 9 * 128 + 3 * (128 * 128 + 128) + 128 * 32 + 32
    assert counts["doublings"] == 2 * conv
    assert counts["merge"] == counts["smooth"] == conv


def parts(net):
    return dict(net.named_children())


def test_a_map_changes_the_image_where_it_lies_and_near_it():
    torch.manual_seed(0)
    net = SFTGenerator(2, 2, SMALL)
    lr = torch.rand(1, 3, 40, 40)
    maps = torch.zeros(1, 2, 40, 40)
    maps[:, 0] = 1
    moved = maps.clone()
    moved[..., 10:12, 10:12] = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    gap = (net(lr, moved) - net(lr, maps)).abs().amax((0, 1))
    assert gap[20:24, 20:24].min() > 0
    assert gap[60:, 60:].max() == 0


def test_gradients_reach_conditions_and_sft():
    torch.manual_seed(0)
    net = SFTGenerator(2, 2, SMALL)
    lr = torch.rand(1, 3, 6, 6)
    net(lr, maps_like(lr, 2)).square().mean().backward()
    for name, weight in net.named_parameters():
        assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("fields", [{}, {"skip": True}])
def test_at_rest_the_last_layers_learn_first(fields):
    """Of the layers that were set to 0, the last has a gradient: they can leave their rest."""
    net, _ = nets(**fields)
    if fields:  # a tail near 0 hides what is before it
        torch.nn.init.normal_(net.tail.weight)
    lr = torch.rand(1, 3, 6, 6)
    net(lr, maps_like(lr)).square().mean().backward()
    assert net.blocks[0].sft1.gamma[2].weight.grad.abs().sum() > 0
    assert net.blocks[0].sft1.beta[2].bias.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("maps", "text"),
    [
        (torch.zeros(1, 3, 5, 6), r"shape \(1, 3, 6, 6\).*got \(1, 3, 5, 6\)"),
        (torch.zeros(1, 4, 6, 6), r"shape \(1, 3, 6, 6\).*got \(1, 4, 6, 6\)"),
        (None, r"shape \(1, 3, 6, 6\).*got \(1, 0, 6, 6\)"),
    ],
)
def test_a_map_of_another_size_or_class_count_is_named(maps, text):
    net, _ = nets()
    with pytest.raises(ValueError, match=text):
        net(torch.rand(1, 3, 6, 6), maps)


def test_sizes_by_name_and_by_fields():
    assert size_of("paper") == NetSize(64, 16, 32, 128)
    assert size_of({"channels": 8}).blocks == 16
    with pytest.raises(ValueError, match=r"SFTGAN.size must be one of \['nano', 'paper'\].*'big'"):
        size_of("big")
    with pytest.raises(ValueError, match="SFTGAN.size.blocks must be at least 1, got 0"):
        size_of({"blocks": 0})
