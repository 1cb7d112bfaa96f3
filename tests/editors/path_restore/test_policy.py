"""Rewards and REINFORCE, by hand and against the exact gradient."""

import itertools

import pytest
import torch

from mmisr.editors.path_restore.net import NetSize, PathRestoreNet, along
from mmisr.editors.path_restore.pathfinder import Pathfinder, Walk, sampled
from mmisr.editors.path_restore.policy import (
    PolicySettings,
    PolicyState,
    advantages,
    difficulty,
    dual_ascent,
    mean_entropy,
    reinforce_loss,
    returns,
    rewards,
)


def test_rewards_and_returns_of_a_hand_example():
    actions = torch.tensor([[1, 0, 2], [0, 0, 0]])
    gain = torch.tensor([0.7, 0.3])
    hard = difficulty(torch.tensor([0.3, 0.1]), 0.2)
    torch.testing.assert_close(hard, torch.tensor([1.0, 0.5]))
    reward = rewards(actions, gain, hard, 0.01)
    torch.testing.assert_close(reward, torch.tensor([[-0.01, 0, 0.69], [0, 0, 0.15]]))
    torch.testing.assert_close(returns(reward), torch.tensor([[0.68, 0.69, 0.69], [0.15] * 3]))


def test_the_routes_of_a_patch_are_judged_by_one_difficulty():
    """Were it the route's own, the worse route of an easy patch would be paid better."""
    end = torch.tensor([0.01, 0.02])
    start = torch.tensor([0.5, 0.5])
    actions = torch.zeros(2, 1, dtype=torch.long)
    own = rewards(actions, start - end, difficulty(end, 0.1), 0.0)
    assert own[1] > own[0]
    shared = rewards(actions, start - end, difficulty(end, 0.1, rollouts=2), 0.0)
    assert shared[0] > shared[1]


def test_a_baseline_is_that_of_the_block_or_of_the_other_routes():
    returned = torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 1.0], [0.0, 0.0]])
    base = torch.tensor([1.0, 2.0])
    torch.testing.assert_close(advantages(returned, base), returned - base)
    expected = torch.tensor([[-2.0, -4.0], [2.0, 4.0], [5.0, 1.0], [-5.0, -1.0]])
    torch.testing.assert_close(advantages(returned, base, rollouts=2), expected)
    of_four = advantages(returned, base, rollouts=4)
    torch.testing.assert_close(of_four[0], returned[0] - returned[1:].mean(0))
    torch.testing.assert_close(of_four.sum(0), torch.zeros(2), atol=1e-6, rtol=0)


@pytest.fixture(scope="module")
def game():
    """A patch, a network of two blocks with two paths and what each of its four routes returns."""
    torch.manual_seed(0)
    net = PathRestoreNet(1, NetSize(channels=4, blocks=2, paths=2)).double()
    finder = Pathfinder(4, 2, 17).double()
    with torch.no_grad():
        for parameter in finder.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    patch = torch.rand(1, 3, 17, 17).double()
    target = torch.rand(1, 3, 17, 17).double()
    return net, finder, patch, target


def walked(game, count, pick):
    """Logits, actions and rewards of so many routes of the patch."""
    net, finder, patch, target = game
    walk = Walk(finder, pick)
    patches = patch.expand(count, -1, -1, -1)
    with torch.no_grad():
        start = (patches - target).square().flatten(1).mean(1)
    output = net(patches, walk).detach()
    end = (output - target).square().flatten(1).mean(1)
    reward = rewards(walk.all_actions(), start - end, torch.ones_like(end), 0.3)
    return walk.all_logits(), walk.all_actions(), reward


def gradient_of(loss, finder):
    gradients = torch.autograd.grad(loss, list(finder.parameters()))
    return torch.cat([g.flatten() for g in gradients])


@pytest.mark.parametrize(("rollouts", "baseline"), [(1, 0.0), (1, -0.7), (2, 0.0)])
def test_the_estimate_agrees_with_the_exact_gradient(game, rollouts, baseline):
    """Of 2 blocks with 2 paths all 4 routes are enumerated."""
    finder = game[1]
    routes = torch.tensor(list(itertools.product((0, 1), repeat=2)))
    logits, actions, reward = walked(game, 4, lambda block, _: routes[:, block])
    log_chances = logits.log_softmax(2).gather(2, actions[..., None])[..., 0].sum(1)
    expected_return = (log_chances.exp() * returns(reward)[:, 0]).sum()
    exact = -gradient_of(expected_return, finder)
    torch.manual_seed(3)
    base = torch.full((2,), baseline, dtype=torch.float64)
    estimates = []
    for _ in range(40):
        logits, actions, reward = walked(game, 60, sampled)
        advantage = advantages(returns(reward), base, rollouts)
        estimates.append(gradient_of(reinforce_loss(logits, actions, advantage), finder))
    estimates = torch.stack(estimates)
    mean = estimates.mean(0)
    error = estimates.std(0) / len(estimates) ** 0.5
    # Along the exact gradient within 3 standard errors; and, as one weight of so many may lie
    # beyond, the squared deviations are what chance gives.
    direction = exact / exact.norm()
    along_exact = estimates @ direction
    gap = along_exact.mean() - exact.norm()
    assert abs(gap) < 3 * along_exact.std() / len(estimates) ** 0.5
    assert along_exact.mean() > 10 * along_exact.std() / len(estimates) ** 0.5, (
        "nothing was learned about"
    )
    moving = error > 0
    z = (mean - exact)[moving] / error[moving]
    assert float((z.abs() < 3).double().mean()) > 0.97
    torch.testing.assert_close(exact[~moving], mean[~moving])


def test_the_advantage_is_a_constant():
    advantage = torch.ones(1, 2, requires_grad=True)
    logits = torch.zeros(1, 2, 2, requires_grad=True)
    reinforce_loss(logits, torch.zeros(1, 2, dtype=torch.long), advantage).backward()
    assert advantage.grad is None
    # Ascent raises the logit of what was taken.
    assert (logits.grad[..., 0] < 0).all()


def test_entropy():
    assert float(mean_entropy(torch.zeros(2, 3, 2))) == pytest.approx(0.693147, abs=1e-5)
    assert float(mean_entropy(torch.tensor([[[50.0, 0.0]]]))) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("share", "moves"), [(0.9, 1), (0.5, 0), (0.1, -1), (1.0, 1), (0.0, -1)])
def test_dual_ascent_moves_the_price_the_right_way(share, moves):
    cost = torch.tensor(1e-5)
    after = dual_ascent(cost, torch.tensor(share), 0.5, 0.1)
    assert int(torch.sign(after - cost)) == moves
    assert torch.equal(dual_ascent(cost, torch.tensor(share), 0.5, 0.0), cost)


def test_averages_begin_with_the_first_batch():
    state = PolicyState(2, PolicySettings(decay=0.9))
    state.see_losses(torch.tensor(2.0))
    state.see_losses(torch.tensor(1.0))
    assert float(state.rest_loss) == pytest.approx(1.9)
    state.see_walks(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 4.0]), torch.tensor(0.5))
    state.see_walks(torch.tensor([0.0, 0.0]), torch.tensor([2.0, 4.0]), torch.tensor(0.5))
    torch.testing.assert_close(state.baselines, torch.tensor([0.9, 1.8]))
    torch.testing.assert_close(state.spread, torch.tensor([3.8, 4.0]))
    assert float(state.cost) == pytest.approx(1e-5)


def test_a_given_rest_loss_stays():
    state = PolicyState(2, PolicySettings(rest_loss=5e-4))
    state.see_losses(torch.tensor(2.0))
    assert float(state.rest_loss) == pytest.approx(5e-4)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("target", 0.0),
        ("target", 1.0),
        ("cost", 0.0),
        ("eta", -1.0),
        ("entropy", -1e-3),
        ("decay", 1.0),
        ("rollouts", 0),
        ("rest_loss", 0.0),
    ],
)
def test_settings_out_of_range_are_named(key, value):
    with pytest.raises(ValueError, match=rf"PathRestore\.policy\.{key} is out of range, got"):
        PolicySettings(**{key: value})


def test_routes_chosen_before_need_no_pathfinder(game):
    net, _, patch, _ = game
    routes = torch.tensor([[1, 0]])
    assert net(patch, along(routes)).isfinite().all()
