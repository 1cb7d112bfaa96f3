"""The step that overrules the encoder where a dense pass is sooner, and nothing else."""

import numpy as np
import pytest
import torch

from mmisr.editors.instance_sr.budget import Budget
from mmisr.editors.instance_sr.engine.all_hard import AllHardIfFaster
from mmisr.editors.instance_sr.execution import read_execution
from mmisr.editors.instance_sr.routers import Given, Learned
from mmisr.ops.macs import count_macs

FASTER = {"halo": 2, "all_hard_if_faster": True}


def crowded(grid):
    rng = np.random.default_rng(0)
    deep = rng.random((1, *grid)) < 0.55
    exits = torch.from_numpy(np.where(deep, rng.integers(1, 3, (1, *grid)), 0))
    assert (exits == 0).any() and (exits == 2).any()
    return exits


@torch.no_grad()
def test_what_a_dense_pass_does_sooner_leaves_by_the_deepest_exit(make_net, make_sparse):
    net = make_net()
    lr, exits = torch.rand(2, 3, 96, 160), torch.zeros(2, 12, 20, dtype=torch.long)
    exits[0], exits[1, 3, 4] = crowded((12, 20))[0], 2
    run = make_sparse(net.decoder, **FASTER)
    plan = run.plan(exits)
    assert [cover.kind for cover in plan.covers] == ["dense", "rectangles"]
    assert (plan.maps[0] == 2).all()
    assert np.array_equal(plan.maps[1], exits[1].numpy())
    torch.testing.assert_close(
        run(lr, exits)[:1], net.decoder.all_exits(lr[:1])[2], rtol=0, atol=1e-5
    )
    assert (
        run.macs(exits[0].numpy())
        == run.macs(plan.maps[0])
        == count_macs(lambda x: run(x, exits[:1]), lr[:1])
    )


@torch.no_grad()
def test_moderate_tokens_alone_are_not_made_hard(make_net, make_sparse):
    run = make_sparse(make_net().decoder, **FASTER)
    assert (run.plan(crowded((12, 20)).clamp(max=1)).maps == 1).all()


class Told(Given):
    """A router that does not ask the encoder."""

    encodes = False


@torch.no_grad()
def test_only_the_encoder_is_overruled(make_net):
    net, lr = make_net(), torch.rand(1, 3, 96, 160)
    exits = crowded((12, 20))

    def routed(router, **keys):
        return net(lr, router, execution=read_execution({**FASTER, **keys})).routing.exits

    assert (routed(Given(exits)) == 2).all()
    assert torch.equal(routed(Told(exits)), exits)
    assert torch.equal(routed(Given(exits), all_hard_if_faster=False), exits)
    assert torch.equal(routed(Given(exits), partition="rectangles"), exits)
    shares = routed(Learned(budget=Budget(hard_share=0.5)))
    assert (shares > 0).float().mean() == 0.5


def test_the_planner_never_changes_what_was_routed(make_net, make_sparse):
    """The step alone does, and not in place."""
    run = make_sparse(make_net().decoder, **FASTER)
    routed = crowded((12, 20))[0].numpy()
    before = routed.copy()
    decided, _ = run.step(routed)
    assert (decided == 2).all()
    assert np.array_equal(routed, before)
    cover = run.planner.cover(routed)
    assert np.array_equal(cover.owner >= 0, routed > 0), "easy tokens have no window"


@pytest.mark.parametrize("level", [0, 1, 2])
def test_maps_of_one_exit_stay(make_net, make_sparse, level):
    run = make_sparse(make_net().decoder, **FASTER)
    routed = np.full((12, 20), level)
    decided, cover = AllHardIfFaster(run.planner)(routed)
    assert decided is routed
    assert cover.kind == ("dense" if level else "none")


@torch.no_grad()
def test_frames_too_small_for_the_encoder_go_all_hard_without_it(make_net):
    net = make_net(channels=32)
    small, large = torch.rand(1, 3, 16, 24), torch.rand(1, 3, 256, 512)
    run = read_execution(FASTER)
    result = net(small, Learned(), execution=run)
    assert result.aux is None
    assert (result.routing.exits == 2).all()
    assert net(large, Learned(), execution=run).aux is not None
    counted = count_macs(lambda x: net(x, Learned(), execution=run), small)
    assert net.macs(result.routing.exits[0], Learned(), run) == counted
    step = net.sparse(Learned(), run).step
    assert [step.routing_pays(grid) for grid in ((2, 3), (32, 64))] == [False, True]


@torch.no_grad()
def test_a_budget_in_milliseconds_always_asks_the_encoder(make_net, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    net, lr = make_net(channels=32), torch.rand(1, 3, 16, 24)
    router, run = Learned(budget=Budget(target_ms=1e6)), read_execution(FASTER)
    result = net(lr, router, execution=run)
    assert result.aux is not None
    counted = count_macs(lambda x: net(x, router, execution=run), lr)
    assert net.macs(result.routing.exits[0], router, run) == counted
