"""Sparse execution equals the dense network and costs what it says.

It depends on nothing but the image and its map.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.editors.instance_sr.engine import batches
from mmisr.ops.macs import count_macs

PARTITIONS = ["auto", "rectangles", "windows", "dense"]


def dense(net, lr, exits):
    return net.decoder.stitch(net.decoder.all_exits(lr), exits, net.token_size)


@pytest.fixture(scope="session")
def sparse(make_sparse):
    def run(net, lr, exits, **execution):
        return make_sparse(net.decoder, net.token_size, **execution)(lr, exits)

    return run


def random_map(seed, shape, share):
    rng = np.random.default_rng(seed)
    deep = rng.random(shape) < share
    return torch.from_numpy(np.where(deep, rng.integers(1, 3, shape), 0))


@pytest.mark.parametrize("partition", ["rectangles", "windows"])
@pytest.mark.parametrize("fusion", [False, True])
@pytest.mark.parametrize("easy", ["exit1", "interpolate"])
@pytest.mark.parametrize(("scale", "token"), [(4, 8), (2, 16), (3, 8)])
@torch.no_grad()
def test_full_halo_equals_the_dense_network(
    make_net, sparse, make_sparse, partition, fusion, easy, scale, token
):
    """Borders and corners too.

    Windows there must see the zero padding of the dense pass, at every layer.
    """
    net = make_net(scale, token, fusion, easy)
    rows, cols = (7, 9) if token == 8 else (4, 5)
    lr = torch.rand(2, 3, rows * token, cols * token)
    exits = torch.zeros(2, rows, cols, dtype=torch.long)
    exits[0, 0, 0], exits[0, -1, -1], exits[0, 0, 1], exits[0, 3, 2] = 2, 2, 1, 1
    exits[1, -1, 0], exits[1, 0, -1] = 1, 2
    plans = make_sparse(net.decoder, token, partition=partition)
    assert all(plans.planner.cover(e.numpy()).kind == partition for e in exits), (
        "a dense fall-back would test nothing"
    )
    torch.testing.assert_close(
        sparse(net, lr, exits, partition=partition), dense(net, lr, exits), rtol=0, atol=1e-5
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    share=st.floats(0, 1),
    shape=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    partition=st.sampled_from(PARTITIONS),
    batch_pixels=st.sampled_from([1, 3000, 24 * 1024]),
)
@torch.no_grad()
def test_full_halo_equals_the_dense_network_for_any_map(
    make_net, sparse, seed, share, shape, partition, batch_pixels
):
    net = make_net(2, blocks=(1, 1, 1))
    torch.manual_seed(seed)
    lr, exits = torch.rand(1, 3, shape[0] * 8, shape[1] * 8), random_map(seed, (1, *shape), share)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BATCH_PIXELS", batch_pixels)
        out = sparse(net, lr, exits, partition=partition)
    torch.testing.assert_close(out, dense(net, lr, exits), rtol=0, atol=1e-5)


@pytest.mark.parametrize("partition", ["rectangles", "windows"])
@torch.no_grad()
def test_a_small_halo_changes_deep_tokens_alone(make_net, sparse, partition):
    net = make_net()
    lr, exits = torch.rand(1, 3, 64, 64), torch.zeros(1, 8, 8, dtype=torch.long)
    exits[0, 3, 3], exits[0, 6, 1] = 2, 1
    wrong = (
        (sparse(net, lr, exits, partition=partition, halo=1) - dense(net, lr, exits))
        .abs()
        .amax(1)[0]
    )
    tokens = wrong.view(8, 32, 8, 32).amax((1, 3))
    assert tokens[3, 3] > 1e-4
    tokens[exits[0] > 0] = 0
    assert tokens.max() < 1e-5


@torch.no_grad()
def test_all_hard_is_one_dense_pass(make_net, make_sparse):
    net = make_net()
    lr, exits = torch.rand(1, 3, 40, 40), torch.full((1, 5, 5), 2)
    decoder = net.decoder
    for partition in ("auto", "dense"):
        run = make_sparse(decoder, halo=4, partition=partition)
        assert run.planner.cover(exits[0].numpy()).kind == "dense"
        torch.testing.assert_close(run(lr, exits), decoder.all_exits(lr)[2], rtol=0, atol=1e-5)
    only = count_macs(
        lambda x: (
            decoder.skip(x),
            decoder.leave(2, decoder.blocks[2](decoder.blocks[1](decoder.trunk(x)))),
        ),
        lr,
    )
    assert run.macs(exits[0].numpy()) == only, "no other exit is charged"


@torch.no_grad()
def test_patch_macs_count_each_token_by_its_exit(make_net, make_sparse):
    net = make_net()
    run = make_sparse(net.decoder, partition="dense")
    alone = [run.patch_macs(np.array([[level]])) for level in (0, 1, 2)]
    for level, expected in enumerate(alone):
        frame = np.full((3, 4), level)
        assert run.patch_macs(frame) == 12 * expected == run.macs(frame), (
            "of a frame of one kind there is nothing else"
        )
    assert alone == sorted(alone)
    assert run.patch_macs(np.array([[0, 1, 2]])) == sum(alone)


@torch.no_grad()
def test_all_easy_never_touches_the_deep_blocks(make_net, sparse):
    net = make_net()
    lr, exits = torch.rand(1, 3, 40, 40), torch.zeros(1, 5, 5, dtype=torch.long)
    only = count_macs(
        lambda x: net.decoder.leave_easy(net.decoder.skip(x), net.decoder.trunk(x)), lr
    )
    assert count_macs(lambda x: sparse(net, x, exits), lr) == only


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("halo", [None, 0, 2, 4])
@pytest.mark.parametrize("fusion", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.15, 0.5, 1.0])
def test_analytic_macs_are_those_of_the_run(make_net, make_sparse, partition, halo, fusion, share):
    net = make_net(3, 8, fusion)
    lr, exits = torch.rand(1, 3, 64, 80), random_map(1, (1, 8, 10), share)
    run = make_sparse(net.decoder, halo=halo, partition=partition)
    assert run.macs(exits[0].numpy()) == count_macs(run, lr, exits)


@pytest.mark.parametrize("partition", PARTITIONS)
@torch.no_grad()
def test_result_does_not_depend_on_the_batch(make_net, sparse, partition):
    net = make_net()
    torch.manual_seed(1)
    lr, exits = torch.rand(4, 3, 48, 56), random_map(2, (4, 6, 7), 0.3)
    exits[2] = 2  # one image that falls back to the dense pass
    together = sparse(net, lr, exits, partition=partition, halo=2)
    for i in range(4):
        alone = sparse(net, lr[i : i + 1], exits[i : i + 1], partition=partition, halo=2)
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-5)


@torch.no_grad()
def test_result_does_not_depend_on_the_order_or_grouping_of_tokens(make_net, sparse):
    net = make_net()
    lr, exits = torch.rand(1, 3, 48, 56), random_map(3, (1, 6, 7), 0.3)
    whole = sparse(net, lr, exits, partition="windows", halo=2)
    for most in (1, 300, 800):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(batches, "BATCH_PIXELS", most)
            parts = sparse(net, lr, exits, partition="windows", halo=2)
        torch.testing.assert_close(parts, whole, rtol=0, atol=1e-5)
    # A flipped image meets its tokens in the opposite order; the network is flipped with it.
    flipped = make_net()
    for parameter in flipped.decoder.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.flip(-1)
    torch.manual_seed(0)
    for leave in flipped.decoder.exits:  # the sub-pixels of a row change places too
        order = torch.arange(48).view(3, 4, 4).flip(-1).flatten()
        leave.weight.data, leave.bias.data = leave.weight.data[order], leave.bias.data[order]
    back = sparse(flipped, lr.flip(-1), exits.flip(-1), partition="windows", halo=2).flip(-1)
    torch.testing.assert_close(back, whole, rtol=0, atol=1e-5)


@torch.no_grad()
def test_runs_are_deterministic(make_net, sparse):
    net, lr, exits = make_net(), torch.rand(1, 3, 48, 56), random_map(4, (1, 6, 7), 0.3)
    assert torch.equal(sparse(net, lr, exits), sparse(net, lr, exits))


@pytest.mark.parametrize("partition", PARTITIONS)
def test_gradients_are_those_of_the_dense_network(make_net, sparse, partition):
    """A strategy may train through an editor in evaluation mode.

    Windows must leave no seams in the gradient.
    """
    net = make_net(2, blocks=(1, 1, 1), fusion=True)
    exits = torch.zeros(1, 5, 6, dtype=torch.long)
    exits[0, 0, 0], exits[0, 2, 3], exits[0, 2, 4], exits[0, 4, 5] = 2, 1, 2, 2
    gradients = []
    for run in (dense, lambda *a: sparse(*a, partition=partition)):
        lr = torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(0)).requires_grad_()
        net.zero_grad()
        (run(net, lr, exits) ** 2).mean().backward()
        gradients.append([lr.grad, *(p.grad.clone() for p in net.decoder.parameters())])
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_runs_under_autocast(make_net, sparse, partition):
    net, lr, exits = make_net(), torch.rand(1, 3, 48, 56), random_map(5, (1, 6, 7), 0.3)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        out = sparse(net, lr, exits, partition=partition, halo=2)
    torch.testing.assert_close(
        out.float(), sparse(net, lr, exits, partition=partition, halo=2), rtol=0, atol=0.1
    )


@torch.no_grad()
def test_mixed_neighbours_share_rectangles(make_net, make_sparse):
    """A block of mixed deep tokens must not pay block 2 twice."""
    net = make_net()
    exits = np.zeros((12, 12), dtype=np.int64)
    exits[2:8, 2:8] = 1 + (np.indices((6, 6)).sum(0) % 2)
    run = make_sparse(net.decoder, halo=2, partition="rectangles")
    assert len(run.planner.cover(exits).sizes) == 1


@torch.no_grad()
def test_compiled_blocks_give_the_same(make_net, sparse, graphs):
    net, lr, exits = make_net(), torch.rand(2, 3, 96, 160), random_map(0, (2, 12, 20), 0.2)
    expected = sparse(net, lr, exits, partition="rectangles", halo=2)
    found = sparse(net, lr, exits, partition="rectangles", halo=2, compile=True)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert 2 <= graphs.frame_count <= 8, "few graphs serve windows of all sizes"
