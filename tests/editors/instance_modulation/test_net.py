"""The feedback network: its equations, its memory, and what the modulation changes."""

import pytest
import torch
from torch.nn import functional as F

from mmisr.editors.instance_modulation.net import (
    GEOMETRY,
    PIXEL_MEAN,
    SIZES,
    FeedbackBlock,
    FeedbackNet,
    NetSize,
)

SMALL = NetSize(channels=6, groups=2, conditions=5)


def build(steps=3, modulation="none", scale=2, size=SMALL):
    torch.manual_seed(1)
    return FeedbackNet(scale, size, steps, modulation)


@pytest.fixture
def lr():
    torch.manual_seed(0)
    return torch.rand(3, 3, 7, 9)


@pytest.fixture
def maps():
    torch.manual_seed(2)
    return torch.rand(3, 3, 7, 9)


@torch.no_grad()
def awake(net):
    """A modulation that has learned something."""
    torch.manual_seed(3)
    for weight in net.modulation.parameters():
        weight.add_(torch.randn_like(weight) * 0.3)
    return net


def test_the_block_is_the_equations_of_the_paper():
    torch.manual_seed(0)
    block = FeedbackBlock(2, 4, 3)
    x, h = torch.rand(2, 1, 4, 5, 6).unbind(0)
    l0 = block.compress_in(torch.cat([x, h], 1))
    h1 = block.ups[0](l0)
    l1 = block.downs[0](h1)
    h2 = block.ups[1](block.before_up[1](torch.cat([l0, l1], 1)))
    l2 = block.downs[1](block.before_down[1](torch.cat([h1, h2], 1)))
    h3 = block.ups[2](block.before_up[2](torch.cat([l0, l1, l2], 1)))
    l3 = block.downs[2](block.before_down[2](torch.cat([h1, h2, h3], 1)))
    expected = block.compress_out(torch.cat([l1, l2, l3], 1))
    torch.testing.assert_close(block(x, h), expected)


def test_one_step_is_a_feed_forward_pass(lr):
    """The block sees the shallow features twice, and the image is added to a bilinear one."""
    net = build(steps=1)
    mean = torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1)
    x = net.head(lr - mean)
    missing = net.tail(net.up(net.block(x, x)))
    expected = F.interpolate(lr, scale_factor=2, mode="bilinear", align_corners=False) + missing
    torch.testing.assert_close(net(lr), expected)
    (only,) = net.all_images(lr)
    assert torch.equal(only, net(lr))


def test_each_step_sees_what_the_one_before_made(lr):
    net = build(steps=3)
    images = net.all_images(lr)
    assert len(images) == 3
    assert torch.equal(images[-1], net(lr))
    for fewer in (1, 2):
        net.steps = fewer
        torch.testing.assert_close(net(lr), images[fewer - 1])
    assert not torch.allclose(images[0], images[1], atol=1e-6)


def test_nothing_is_kept_between_images(lr):
    net = build()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    first = net(lr[:1])
    net(lr[1:])
    assert torch.equal(net(lr[:1]), first)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("modulation", ["none", "sft"])
def test_an_image_does_not_depend_on_its_batch(lr, maps, modulation):
    net = build(modulation=modulation).double()
    given = maps.double() if modulation == "sft" else None
    if given is not None:
        awake(net)
    whole = net(lr.double(), given)
    for index in range(3):
        part = slice(index, index + 1)
        alone = net(lr[part].double(), None if given is None else given[part])
        torch.testing.assert_close(alone, whole[part])


@pytest.mark.parametrize("size", SIZES)
def test_as_many_parameters_whatever_the_steps(size):
    counts = set()
    for steps in (1, 5):
        net = FeedbackNet(4, SIZES[size], steps, "sft")
        counts.add(sum(weight.numel() for weight in net.parameters()))
    expected = {"paper": 3_631_454 + 9_344, "small": 483_122 + 7_232, "nano": 87_390 + 6_176}
    assert counts == {expected[size]}


def test_a_modulation_at_rest_is_plain_srfbn_bit_for_bit(lr, maps):
    plain, modulated = build(), build(modulation="sft")
    shared = plain.state_dict()
    assert shared.keys() < modulated.state_dict().keys()
    for name, value in shared.items():
        assert torch.equal(modulated.state_dict()[name], value), name
    ours = modulated.all_images(lr, maps)
    assert all(map(torch.equal, ours, plain.all_images(lr)))
    awake(modulated)
    assert not torch.allclose(modulated(lr, maps), plain(lr), atol=1e-4)


def test_the_modulation_changes_what_is_near_its_place_first(lr, maps):
    """One step reaches some pixels far; a map that differs in one place changes that place most."""
    net = awake(build(steps=1, modulation="sft"))
    other = maps.clone()
    other[:, :, 3, 4] += 1
    change = (net(lr, other) - net(lr, maps)).abs().sum((0, 1))
    row, col = divmod(int(change.argmax()), change.shape[1])
    assert abs(row // 2 - 3) <= 1
    assert abs(col // 2 - 4) <= 1


def test_gradients_reach_the_modulation(lr, maps):
    net = build(modulation="sft")
    sum(image.square().mean() for image in net.all_images(lr, maps)).backward()
    last = (*net.modulation.sft.gamma[-1].parameters(), *net.modulation.sft.beta[-1].parameters())
    assert all(weight.grad.any() for weight in last), "at rest, its last layers learn first"
    net.zero_grad()
    awake(net)
    sum(image.square().mean() for image in net.all_images(lr, maps)).backward()
    for name, weight in net.named_parameters():
        assert weight.grad.any(), name


@pytest.mark.parametrize("scale", GEOMETRY)
@pytest.mark.parametrize("hw", [(1, 1), (2, 5)])
def test_every_scale_at_odd_sizes(scale, hw):
    net = build(scale=scale, modulation="sft")
    out = net(torch.rand(1, 3, *hw), torch.rand(1, 3, *hw))
    assert tuple(out.shape) == (1, 3, hw[0] * scale, hw[1] * scale)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"scale": 5}, r"scale must be one of \(2, 3, 4, 8\), got 5"),
        ({"scale": True}, "scale must be one of .*, got True"),
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"steps": 1.5}, "steps must be .*, got 1.5"),
        ({"modulation": "film"}, r"modulation must be one of \('none', 'sft'\), got 'film'"),
    ],
)
def test_wrong_values_are_named(arguments, text):
    with pytest.raises(ValueError, match=text):
        FeedbackNet(**{"scale": 2, "size": SMALL, **arguments})


@pytest.mark.parametrize("name", ["channels", "groups", "conditions"])
def test_a_width_below_one_is_named(name):
    with pytest.raises(ValueError, match=rf"size.{name} must be at least 1, got 0"):
        NetSize(**{name: 0})


def test_maps_of_another_size_are_refused(lr, maps):
    net = build(modulation="sft")
    with pytest.raises(ValueError, match=r"LR images' size, \(3, 3, 7, 9\), got \(3, 3, 7, 8\)"):
        net(lr, maps[..., :8])
    with pytest.raises(ValueError, match=r"\(3, 3, 7, 9\), got \(3, 1, 7, 9\)"):
        net(lr, maps[:, :1])
    with pytest.raises(ValueError, match="modulation=True and maps=False"):
        net(lr)
    with pytest.raises(ValueError, match="modulation=False and maps=True"):
        build()(lr, maps)
