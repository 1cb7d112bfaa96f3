"""Figures of several runs of one recipe, and their differences, over images and seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mmisr.analysis.comparison.resample import Sampled, interval
from mmisr.analysis.grid.result import Gain

Floats = NDArray[np.float64]
Figures = Mapping[str, Sampled]
"""Figures of one run by flat name, on the images as they are and on every replicate."""


def seed_weights(seeds: int, replicates: int, seed: int) -> Floats:
    """How often each seed's run counts.

    Args:
        seeds: Runs of each row.
        replicates: How often they are drawn anew.
        seed: Of the draws.

    Returns:
        (1 + replicates, seeds), each row summing to 1: all alike in the first, as drawn with
        replacement in the others.
    """
    draws = np.random.default_rng(seed).multinomial(seeds, np.full(seeds, 1 / seeds), replicates)
    all_alike = np.ones((1, seeds))
    counts = np.concatenate([all_alike, draws])
    return counts / seeds


def mean_over_seeds(runs: Sequence[Figures], name: str, weights: Floats) -> Floats:
    """A figure, averaged over the runs of a row.

    Args:
        runs: One per seed.
        name: Of the figure.
        weights: (1 + B, seeds), see :func:`seed_weights`.

    Returns:
        (1 + B,) the figure on the images and runs as they are, then on every replicate of both.
    """
    by_seed = np.stack([run[name].values for run in runs], axis=1)
    return (by_seed * weights).sum(1)


def figures_of(runs: Sequence[Figures]) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and spread (highest less lowest) over the seeds, of every figure that all runs have."""
    means = {}
    spreads = {}
    for name in _common(runs):
        values = [_value(run, name) for run in runs]
        means[name] = sum(values) / len(values)
        spreads[name] = max(values) - min(values)
    return means, spreads


def gains_of(
    runs: Sequence[Figures], baseline: Sequence[Figures], weights: Floats
) -> dict[str, Gain]:
    """The differences of a row from the baseline, in every figure that both have.

    Images are drawn alike for both, and so are seeds: run k of the row is paired with run k of the
    baseline, which had the same initial weights and the same order of the data.

    Args:
        runs: Of the row, one per seed.
        baseline: Of the baseline, one per seed, in the same order.
        weights: (1 + B, seeds), see :func:`seed_weights`.
    """
    gains = {}
    for name in _common([*runs, *baseline]):
        ours = mean_over_seeds(runs, name, weights)
        theirs = mean_over_seeds(baseline, name, weights)
        difference = ours - theirs
        as_they_are, *drawn = difference.tolist()
        low, high = interval(np.array(drawn))
        per_seed = _per_seed(runs, baseline, name)
        images = min(run[name].images for run in [*runs, *baseline])
        gains[name] = Gain(as_they_are, low, high, per_seed, images)
    return gains


def _per_seed(runs: Sequence[Figures], baseline: Sequence[Figures], name: str) -> list[float]:
    """The difference of each seed's two runs, on the images as they are."""
    differences = []
    for run, other in zip(runs, baseline, strict=True):
        ours = _value(run, name)
        theirs = _value(other, name)
        differences.append(ours - theirs)
    return differences


def _value(run: Figures, name: str) -> float:
    """A figure of one run on the images as they are; NaN where it does not exist."""
    if name not in run:
        return math.nan
    return float(run[name].values[0])


def _common(runs: Sequence[Figures]) -> list[str]:
    """Figures that exist in every run, in the order of the first."""
    names = []
    for name in runs[0]:
        values = [_value(run, name) for run in runs]
        if np.isfinite(values).all():
            names.append(name)
    return names
