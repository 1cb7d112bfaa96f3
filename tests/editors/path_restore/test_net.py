"""The network: paths, batched as one by one, and the pathfinder's memory."""

import pytest
import torch
from torch.nn import functional as F

from mmisr.editors.path_restore.net import (
    SCALES,
    DynamicBlock,
    NetSize,
    PathRestoreNet,
    along,
)
from mmisr.editors.path_restore.pathfinder import Pathfinder, Walk, sampled

SMALL = NetSize(channels=6, blocks=3, paths=3)


@pytest.fixture
def patches():
    torch.manual_seed(0)
    return torch.rand(7, 3, 21, 21)


def build(scale=1, size=SMALL):
    torch.manual_seed(1)
    return PathRestoreNet(scale, size).double()


def unit(module, x):
    inner = F.conv2d(F.relu(x), module.conv1.weight, module.conv1.bias, padding=1)
    return x + F.conv2d(F.relu(inner), module.conv2.weight, module.conv2.bias, padding=1)


def test_with_one_path_it_is_a_plain_residual_chain(patches):
    net = build(size=NetSize(channels=6, blocks=3, paths=1))
    patches = patches.double()
    x = net.head(patches)
    for block in net.blocks:
        x = unit(block.shared, x)
    expected = net.tail(F.relu(x))
    none = torch.zeros(len(patches), 3, dtype=torch.long)
    torch.testing.assert_close(net(patches, along(none)), expected)
    assert not any("paths" in name for name in net.state_dict())


def test_a_path_is_one_more_unit_of_its_own(patches):
    torch.manual_seed(2)
    block = DynamicBlock(3, 3).double()
    x = patches.double()
    after = block(x, torch.tensor([0, 1, 2, 0, 1, 2, 0]))
    shared = unit(block.shared, x)
    expected = [shared, unit(block.paths[0], shared), unit(block.paths[1], shared)]
    for number in range(7):
        torch.testing.assert_close(after[number], expected[number % 3][number])


@pytest.mark.parametrize("same", [None, 0, 1, 2])
def test_batched_by_path_equals_one_patch_after_the_other(patches, same):
    net = build()
    patches = patches.double()
    routes = torch.randint(0, 3, (7, 3)) if same is None else torch.full((7, 3), same)
    together = net(patches, along(routes))
    alone = [net(patches[n : n + 1], along(routes[n : n + 1])) for n in range(7)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_gradients_reach_every_path_that_was_taken_and_no_other(patches):
    net = build()
    routes = torch.tensor([[0, 1, 2]] * 7)
    net(patches.double(), along(routes)).sum().backward()
    for number, taken in enumerate((None, 0, 1)):
        for path, module in enumerate(net.blocks[number].paths):
            moved = all(p.grad is not None and p.grad.any() for p in module.parameters())
            assert moved == (path == taken), (number, path)
    assert net.blocks[0].shared.conv1.weight.grad.any()


@pytest.mark.parametrize("scale", SCALES)
def test_factors_and_images_after_each_block(patches, scale):
    net = build(scale)
    routes = torch.randint(0, 3, (7, 3))
    with torch.no_grad():
        images = net.after_each_block(patches.double(), along(routes))
        output = net(patches.double(), along(routes))
    assert len(images) == 3
    assert tuple(output.shape) == (7, 3, 21 * scale, 21 * scale)
    torch.testing.assert_close(images[-1], output)
    assert not torch.equal(images[0], images[-1])


def test_the_papers_size():
    """Six blocks of a shared unit and a path at 64 channels, counted by hand."""
    net = PathRestoreNet()
    conv = 64 * 64 * 9 + 64
    ends = (3 * 64 * 9 + 64) + (64 * 3 * 9 + 3)
    assert sum(p.numel() for p in net.parameters()) == 6 * 4 * conv + ends


def test_initial_weights_have_the_spread_of_the_paper():
    torch.manual_seed(0)
    shared = PathRestoreNet().blocks[0].shared
    expected = (2 / (9 * 64)) ** 0.5
    for conv in (shared.conv1, shared.conv2):
        assert float(conv.weight.detach().std()) == pytest.approx(expected, rel=0.02)
        assert not conv.bias.any()
    near = PathRestoreNet(1, NetSize(branch=0.1)).blocks[0]
    for unit in (near.shared, near.paths[0]):
        assert float(unit.conv1.weight.detach().std()) == pytest.approx(expected, rel=0.02)
        assert float(unit.conv2.weight.detach().std()) == pytest.approx(0.1 * expected, rel=0.02)


@pytest.mark.parametrize("wrong", [0, 5, True, "four"])
def test_other_factors_are_named(wrong):
    with pytest.raises(ValueError, match=r"PathRestore\.scale must be one of \(1, 2, 3, 4, 8\)"):
        PathRestoreNet(wrong)


@pytest.mark.parametrize("key", ["channels", "blocks", "paths"])
def test_sizes_below_one_are_named(key):
    with pytest.raises(ValueError, match=rf"PathRestore\.size\.{key} must be at least 1, got 0"):
        NetSize(**{key: 0})


@pytest.mark.parametrize("branch", [0.0, -1.0, 1.5])
def test_a_factor_out_of_range_is_named(branch):
    with pytest.raises(ValueError, match=rf"PathRestore\.size\.branch must be .*, got {branch}"):
        NetSize(branch=branch)


@pytest.mark.parametrize(("patch", "inputs"), [(63, 4 * 4 * 24), (64, 4 * 4 * 24), (16, 24)])
def test_the_pathfinders_reading_is_as_wide_as_in_the_paper(patch, inputs):
    finder = Pathfinder(64, 2, patch)
    assert finder.read.in_features == inputs
    logits, _ = finder(torch.rand(3, 64, patch, patch))
    assert tuple(logits.shape) == (3, 2)


def test_the_state_is_carried_over_blocks():
    torch.manual_seed(0)
    finder = Pathfinder(6, 2, 21)
    first, second = torch.rand(2, 4, 6, 21, 21)
    _, state = finder(first)
    after, _ = finder(second, state)
    fresh, _ = finder(second)
    assert not torch.allclose(after, fresh)
    seen = []
    walk = Walk(finder, lambda block, logits: seen.append(block) or logits.argmax(1))
    walk(0, first)
    walk(1, second)
    torch.testing.assert_close(walk.all_logits()[:, 1], after)
    assert seen == [0, 1]
    assert tuple(walk.all_actions().shape) == (4, 2)


def test_no_gradient_goes_back_into_the_features():
    finder = Pathfinder(6, 2, 21)
    features = torch.rand(2, 6, 21, 21, requires_grad=True)
    logits, _ = finder(features)
    logits.sum().backward()
    assert features.grad is None
    assert all(p.grad is not None for p in finder.parameters())


def test_samples_follow_the_probabilities():
    torch.manual_seed(0)
    logits = torch.log(torch.tensor([[0.2, 0.5, 0.3]])).expand(20000, 3)
    counts = torch.bincount(sampled(0, logits), minlength=3) / 20000
    torch.testing.assert_close(counts, torch.tensor([0.2, 0.5, 0.3]), atol=0.015, rtol=0)
