"""The planner takes the cheapest cover, and every cover computes exactly the deep tokens."""

import logging
import math

import numpy as np
import pytest

from mmisr.editors.instance_sr.engine.planner import Planner, Planning


def some_map(seed=0, grid=(12, 20), share=0.3):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(grid) < share, rng.integers(1, 3, grid), 0)


@pytest.fixture
def planner(make_net):
    def build(**planning):
        return Planner(make_net().decoder, 8, Planning(**planning))

    return build


@pytest.mark.parametrize("partition", ["auto", "rectangles", "windows", "dense"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_deep_tokens_have_a_window_and_easy_ones_none(planner, partition, share):
    exits = some_map(share=share)
    cover = planner(halo=2, partition=partition).cover(exits)
    assert np.array_equal(cover.owner >= 0, exits > 0)
    used = np.unique(cover.owner[cover.owner >= 0])
    assert used.tolist() == list(range(len(cover.sizes)))
    for window in used:
        assert cover.depth[window] == exits[cover.owner == window].max()


@pytest.mark.parametrize("partition", ["rectangles", "windows"])
def test_windows_hold_their_tokens_and_halo_within_the_frame(planner, partition):
    exits, halo = some_map(), 2
    cover = planner(halo=halo, partition=partition).cover(exits)
    frame = np.array(exits.shape) * 8
    assert (cover.corners >= 0).all()
    assert (cover.corners + cover.sizes <= frame).all()
    for row, col in np.argwhere(cover.owner >= 0):
        window = cover.owner[row, col]
        start = np.array([row, col]) * 8
        first, last = cover.corners[window], cover.corners[window] + cover.sizes[window]
        assert (first <= np.maximum(start - halo, 0)).all()
        assert (last >= np.minimum(start + 8 + halo, frame)).all()


def test_auto_takes_the_cheapest(planner):
    auto = planner(halo=2)
    for seed in range(5):
        exits = some_map(seed, share=0.1 + 0.2 * seed)
        dense = auto.dense(exits)
        offers = [dense, *auto.windows(exits, dense.ms)]
        least = min(offers, key=lambda offer: offer.ms).cover
        assert auto.cover(exits).kind == least.kind


def test_windows_that_cannot_be_sooner_are_not_planned(planner):
    exits = some_map()
    assert planner(halo=2).windows(exits, below_ms=0) == []
    assert planner(halo=2).windows(exits, below_ms=math.inf)


def test_the_log_lists_the_options(planner, caplog):
    with caplog.at_level(logging.DEBUG, logger="mmisr.editors.instance_sr.engine.planner"):
        planner(halo=2).cover(some_map(share=0.05))
    assert "deep tokens: dense 1:" in caplog.text
    assert "rectangles" in caplog.text
