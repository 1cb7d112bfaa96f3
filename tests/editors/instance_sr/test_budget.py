"""Budgets are honoured without retraining."""

import numpy as np
import pytest
import torch

from mmisr.editors.instance_sr.budget import Budget
from mmisr.editors.instance_sr.execution import read_execution
from mmisr.registry import MODELS

SMALL = {"channels": 8, "blocks": (1, 2, 3)}


@pytest.fixture(scope="module")
def editor():
    torch.manual_seed(0)
    return MODELS.build(
        {"type": "mmisr.InstanceSR", "size": SMALL, "execution": {"halo": 2}}
    ).eval()


@pytest.fixture(scope="module")
def lr():
    return torch.rand(2, 3, 128, 160, generator=torch.Generator().manual_seed(0))


def cost(editor, exits):
    return editor.macs((128, 160), exits)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 1.0])
@torch.no_grad()
def test_hard_share_is_the_share_of_deep_tokens(editor, lr, share):
    editor.route_by("learned", {"hard_share": share})
    exits = editor.upscale(lr).routing.exits
    assert (exits > 0).flatten(1).sum(1).tolist() == [round(share * 320)] * 2


@pytest.mark.parametrize("partition", ["rectangles", "windows"])
@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
@torch.no_grad()
def test_target_macs_is_met_within_10_percent(editor, lr, partition, part):
    editor.execution = read_execution({"halo": 2, "partition": partition})
    editor.route_by("learned", {"hard_share": 0.0})
    floor = cost(editor, editor.upscale(lr).routing.exits[0])
    editor.route_by("learned", {"hard_share": 1.0})
    ceiling = min(cost(editor, e) for e in editor.upscale(lr).routing.exits)
    target = floor + part * (ceiling - floor)
    editor.route_by("learned", {"target_macs": target})
    for exits in editor.upscale(lr).routing.exits:
        assert 0.9 * target <= cost(editor, exits) <= target


@pytest.mark.parametrize("part", [0.3, 0.7])
@torch.no_grad()
def test_target_ms_is_met_by_what_the_device_charges(editor, lr, part, tmp_path, monkeypatch):
    """Against the costs that were measured, not a clock, which other work would disturb."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    editor.execution = read_execution({"halo": 2, "costs": "measured"})
    run = editor.net.sparse(editor.router, editor.execution)
    grid = np.zeros((16, 20), dtype=np.int64)
    floor, ceiling = run.ms(grid), run.ms(grid + 2)
    target = floor + part * (ceiling - floor)
    editor.route_by("learned", {"target_ms": target})
    for exits in editor.upscale(lr).routing.exits:
        assert floor <= run.ms(exits.numpy()) <= target


@torch.no_grad()
def test_more_budget_only_adds_deep_tokens(editor, lr):
    editor.execution = read_execution({"halo": 2})
    before = torch.zeros(2, 16, 20, dtype=torch.bool)
    for share in (0.1, 0.4, 0.7):
        editor.route_by("learned", {"hard_share": share})
        deep = editor.upscale(lr).routing.exits > 0
        assert (deep | before).equal(deep)
        before = deep


@torch.no_grad()
def test_a_share_is_a_bias_on_the_logits(editor, lr):
    editor.route_by({"type": "learned", "bias": 0.05})
    biased = editor.upscale(lr).routing
    for image in range(2):
        editor.route_by("learned", {"hard_share": (biased.exits[image] > 0).float().mean().item()})
        assert torch.equal(
            editor.upscale(lr[image : image + 1]).routing.exits[0], biased.exits[image]
        )


@torch.no_grad()
def test_an_impossible_budget_warns_and_stays_easy(editor, lr):
    editor.route_by("learned", {"target_macs": 1.0})
    with pytest.warns(
        UserWarning, match="budget of 1 an image is below the cost of an image whose every token"
    ):
        assert not editor.upscale(lr).routing.exits.any()


@torch.no_grad()
def test_a_budget_beyond_all_needs_sends_everything_deep(editor, lr):
    editor.route_by("learned", {"target_macs": 1e15})
    assert (editor.upscale(lr).routing.exits > 0).all()


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({}, "exactly one of .*got none"),
        ({"hard_share": 0.1, "target_macs": 1.0}, "got .'hard_share', 'target_macs'."),
        ({"hard_share": 1.1}, r"hard_share must be in \[0, 1\], got 1.1"),
        ({"target_macs": -1.0}, "target_macs must be positive, got -1.0"),
        ({"target_ms": -3.0}, "target_ms must be positive, got -3.0"),
    ],
)
def test_bad_budgets_are_named(keys, text):
    with pytest.raises(ValueError, match=text):
        Budget(**keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"router": {"type": "edge", "budget": {"hard_share": 0.1}}},
        {"router": "edge", "execution": {"budget": {"hard_share": 0.1}}},
    ],
)
def test_a_budget_limits_the_learned_router_alone(keys):
    with pytest.raises(ValueError, match="limits the router 'learned', got router='edge'"):
        MODELS.build({"type": "mmisr.InstanceSR", "size": SMALL, **keys})


@pytest.mark.parametrize(
    "keys",
    [
        {"router": {"type": "learned", "budget": {"hard_share": 0.1}}},
        {"execution": {"halo": 2, "budget": {"hard_share": 0.1}}},
        {"router": {"type": "learned", "bias": 1.0}, "execution": {"budget": {"hard_share": 0.1}}},
    ],
    ids=["router", "older spelling", "older spelling with a bias"],
)
def test_the_budget_ends_in_the_router(keys):
    editor = MODELS.build({"type": "mmisr.InstanceSR", "size": SMALL, **keys})
    assert editor.router.budget == Budget(hard_share=0.1)
    editor.route_by("learned")
    assert editor.router.budget is None, "a budget does not outlive its router"


@torch.no_grad()
def test_no_budget_holds_in_training(editor, lr):
    editor.route_by("learned")
    free = editor.train().upscale(lr).routing.exits
    editor.route_by("learned", {"hard_share": 0.0})
    assert torch.equal(editor.upscale(lr).routing.exits, free)
    assert free.any()
    editor.eval()
