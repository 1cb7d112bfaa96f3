"""Who decides: names, shares, budgets and errors."""

import pytest
import torch

from mmisr.editors.path_restore.net import NetSize
from mmisr.editors.path_restore.routers import Batch, Policy, build_router

SIZE = NetSize(channels=4, blocks=4, paths=3)
BATCH = Batch(images=2, per_image=50, seeds=[3, 4])


def test_the_policy_takes_the_likeliest_path_and_the_same_each_time():
    router = build_router("policy")
    assert router.routes(BATCH, SIZE) is None
    logits = torch.tensor([[0.0, 1.0, 2.0], [3.0, 1.0, 2.0], [0.0, 0.5, 0.1]])
    assert [router.pick(0, logits, 1).tolist() for _ in range(2)] == [[2, 0, 1]] * 2


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 1.0])
def test_a_budget_is_kept_in_every_image(share):
    router = Policy(hard_share=share)
    torch.manual_seed(0)
    logits = torch.randn(4, 14, 3)
    picked = torch.stack([router.pick(block, logits[block], 2) for block in range(4)], 1)
    per_image = (picked != 0).view(2, 7 * 4).sum(1)
    assert per_image.tolist() == [round(share * 28)] * 2


def test_the_patches_that_want_it_most_get_the_budget():
    logits = torch.tensor([[0.0, 1, 0], [0, 0, 5], [2, 0, 1], [0, 3, 4]])
    assert Policy(hard_share=0.5).pick(0, logits, 1).tolist() == [0, 2, 0, 2]


@pytest.mark.parametrize(("name", "path"), [("fixed:0", 0), ("fixed:2", 2), ("all-paths", 1)])
def test_a_fixed_path(name, path):
    router = build_router(name)
    routes = router.routes(BATCH, SIZE)
    assert tuple(routes.shape) == (100, 4)
    assert (routes == path).all()
    assert router.whole == (name == "all-paths")


def test_random_steps_are_the_images_own():
    router = build_router("random:0.25")
    routes = router.routes(Batch(2, 2000, [3, 4]), SIZE)
    assert float((routes != 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert set(routes.unique().tolist()) == {0, 1, 2}
    alone = router.routes(Batch(1, 2000, [4]), SIZE)
    assert torch.equal(routes[2000:], alone)


def test_random_lengths_have_the_shares_asked_for():
    router = build_router({"type": "random", "shares": [0.5, 0, 0.25, 0, 0.25]})
    routes = router.routes(Batch(1, 4000, [0]), SIZE)
    lengths = torch.bincount((routes != 0).sum(1), minlength=5) / 4000
    expected = torch.tensor([0.5, 0, 0.25, 0, 0.25])
    torch.testing.assert_close(lengths, expected, atol=0.03, rtol=0)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("learned", r"router must be one of .*'policy'.*got 'learned'"),
        ("policy:1", "router 'policy' takes no value, got '1'"),
        ("random:much", "needs a number, got 'much'"),
        ("random:1.5", r"share must be in \[0, 1\], got 1.5"),
        ("random", "needs share .* or shares"),
        ({"type": "random", "shares": [0.5, 0.6]}, "must be >= 0 and sum to 1"),
        ({"type": "random:0.1", "budget": {"hard_share": 0.1}}, "a budget limits .*'policy'"),
        ({"type": "policy", "budget": {"hard_share": 2}}, r"hard_share must be in \[0, 1\], got 2"),
        ({"type": "policy", "budget": {"hard_share": "half"}}, "hard_share must be .* got 'half'"),
    ],
    ids=str,
)
def test_what_is_no_router_is_named(config, text):
    with pytest.raises(ValueError, match=text):
        build_router(config)


@pytest.mark.parametrize(
    "config",
    [{"type": "policy", "budget": {"target_ms": 3}}, {"type": "fixed"}, {"type": "fixed", "at": 1}],
    ids=str,
)
def test_keys_that_there_are_not_fail_by_name(config):
    with pytest.raises(TypeError, match="target_ms|path|at"):
        build_router(config)


@pytest.mark.parametrize("config", ["fixed:3", {"type": "random", "shares": [0.5, 0.5]}], ids=str)
def test_what_the_network_has_not_is_named(config):
    with pytest.raises(ValueError, match=r"a path from 0 to 2, got 3|0 to 4 steps, 5 numbers"):
        build_router(config).routes(BATCH, SIZE)
