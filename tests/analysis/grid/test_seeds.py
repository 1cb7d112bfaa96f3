"""Means, spreads and intervals over seeds."""

import numpy as np
import pytest

from mmisr.analysis.comparison.resample import Sampled
from mmisr.analysis.grid.result import Gain, Grid, Row
from mmisr.analysis.grid.seeds import figures_of, gains_of, mean_over_seeds, seed_weights
from mmisr.reports.grid import markdown_grid


def run(first: float, *replicates: float, name: str = "AP") -> dict[str, Sampled]:
    return {name: Sampled(np.array([first, *replicates]), images=6)}


def test_seeds_are_drawn_with_replacement_and_count_alike_as_they_are():
    weights = seed_weights(3, 500, seed=0)
    assert weights.shape == (501, 3)
    assert np.allclose(weights.sum(1), 1)
    assert np.allclose(weights[0], 1 / 3)
    assert {round(3 * value) for value in weights.ravel()} == {0, 1, 2, 3}
    assert np.abs(weights[1:].mean(0) - 1 / 3).max() < 0.03


def test_one_seed_is_itself():
    assert np.array_equal(seed_weights(1, 4, 0), np.ones((5, 1)))


def test_a_mean_weighs_the_seeds_of_each_replicate():
    weights = np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]])
    runs = [run(0.2, 0.1, 0.3), run(0.4, 0.9, 0.5)]
    assert mean_over_seeds(runs, "AP", weights).tolist() == pytest.approx([0.3, 0.1, 0.5])


def test_mean_and_spread():
    means, spreads = figures_of([run(0.2), run(0.5), run(0.35)])
    assert means == {"AP": pytest.approx(0.35)}
    assert spreads == {"AP": pytest.approx(0.3)}


def test_a_figure_that_a_run_lacks_is_left_out():
    runs = [{**run(0.2), **run(np.nan, name="AP_tiny")}, {**run(0.3), **run(0.1, name="AP_tiny")}]
    assert list(figures_of(runs)[0]) == ["AP"]


def test_seeds_are_paired():
    """Seeds differ by .3, and the row is .01 better in each: the interval is narrow."""
    replicates = np.random.default_rng(0).normal(0, 0.05, 400)
    base = [run(0.2, *(0.2 + replicates)), run(0.5, *(0.5 + replicates))]
    better = [run(0.21, *(0.21 + replicates)), run(0.51, *(0.51 + replicates))]
    gain = gains_of(better, base, seed_weights(2, 400, 1))["AP"]
    assert gain.value == pytest.approx(0.01)
    assert (gain.lo, gain.hi) == (pytest.approx(0.01), pytest.approx(0.01))
    assert gain.per_seed == pytest.approx([0.01, 0.01])
    assert gain.shown


def test_a_gain_that_one_seed_denies_is_not_shown():
    base = [run(0.2, *[0.2] * 50), run(0.2, *[0.2] * 50)]
    mixed = [run(0.4, *[0.4] * 50), run(0.19, *[0.19] * 50)]
    gain = gains_of(mixed, base, seed_weights(2, 50, 0))["AP"]
    assert gain.value == pytest.approx(0.095)
    assert gain.lo < 0 < gain.hi
    assert not gain.shown
    assert not Gain(0.1, 0.05, 0.2, [0.21, -0.01], images=6).shown
    assert Gain(-0.1, -0.2, -0.05, [-0.1, -0.1], images=6).shown


def test_one_seed_or_few_images_show_nothing():
    assert Gain(0.1, 0.05, 0.2, [0.1, 0.1], images=6).shown
    assert not Gain(0.1, 0.05, 0.2, [0.1], images=6).shown
    assert not Gain(0.1, 0.05, 0.2, [0.1, 0.1], images=5).shown


def test_the_room_and_how_much_of_it_a_row_closes():
    room = Gain(0.2, 0.1, 0.3, [0.2, 0.2], images=9)
    half = Gain(0.1, 0.05, 0.15, [0.1, 0.1], images=9)
    rows = [
        Row("base", "base.py", {}, {}),
        Row("method", "method.py", {}, {}, {"AP": half}),
        Row("hr", "hr.py", {}, {}, {"AP": room}),
    ]
    grid = Grid(rows, "base", [0, 1], "hr")
    assert grid.room == room
    shares = [grid.share_of_room(row) for row in rows]
    assert shares == [None, pytest.approx(0.5), 1]
    assert "Room: `hr` is +0.200 AP from `base`, [+0.100, +0.300]" in markdown_grid(grid)
    assert "no room is shown" not in markdown_grid(grid)
    no_ceiling = Grid(rows, "base", [0, 1])
    assert no_ceiling.room is None
    assert "Room" not in markdown_grid(no_ceiling)


def test_a_room_that_is_not_shown_is_said_so():
    room = Gain(0.01, -0.1, 0.1, [0.1, -0.08], images=9)
    rows = [Row("base", "base.py", {}, {}), Row("hr", "hr.py", {}, {}, {"AP": room})]
    assert "no room is shown" in markdown_grid(Grid(rows, "base", [0, 1], "hr"))


def test_a_row_by_its_name():
    grid = Grid([Row("a", "a.py", {}, {})], "a", [0])
    assert grid.row("a").config == "a.py"
    with pytest.raises(KeyError, match=r"there is no row 'b'; rows: \['a'\]"):
        grid.row("b")
    assert grid.to_json()["schema"] == 1
