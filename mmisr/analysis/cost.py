"""What a run cost: times per stage, their spread, and the price of joining two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StageCost:
    """The time of one stage, in milliseconds a run.

    Args:
        median_ms: Median.
        p10_ms: 10th percentile.
        p90_ms: 90th percentile.
        share: Part of the sum of all stages' medians.
        runs: How many runs were timed.
    """

    median_ms: float
    p10_ms: float
    p90_ms: float
    share: float
    runs: int


def stage_costs(ms: Mapping[str, Sequence[float]]) -> dict[str, StageCost]:
    """Summarise what a :class:`StageTimer` recorded.

    Args:
        ms: Milliseconds of every run by stage, as in ``StageTimer.ms``. Stages must not contain one another, or shares
            mean nothing.

    Returns:
        One summary a stage, in the same order.

    Raises:
        ValueError: A stage has no run.

    Example:
        >>> stage_costs({"upscale": [1.0, 3.0, 2.0], "detector": [6.0]})["upscale"].share
        0.25
    """
    empty = [name for name, values in ms.items() if not len(values)]
    if empty:
        raise ValueError(
            f"every stage needs at least one timed run, {empty} have none; time more runs than the warm-up"
        )
    medians = {name: float(np.median(values)) for name, values in ms.items()}
    total = sum(medians.values())
    costs = {}
    for name, values in ms.items():
        low, high = np.percentile(values, (10, 90))
        share = medians[name] / total if total else 0.0
        costs[name] = StageCost(medians[name], float(low), float(high), share, len(values))
    return costs


def joining_overhead(whole_ms: Sequence[float], parts_ms: Sequence[Sequence[float]]) -> float:
    """How much longer a pipeline takes than its parts run one after the other.

    Args:
        whole_ms: Milliseconds of each run of the whole.
        parts_ms: Milliseconds of each run of every part, timed on the same inputs.

    Returns:
        Median of the whole over the sum of the parts' medians, minus 1: 0.03 is 3 % more.

    Raises:
        ValueError: Something was not timed, or the parts took no time.

    Example:
        >>> round(joining_overhead([10.3], [[6.0], [4.0]]), 3)
        0.03
    """
    if not len(whole_ms) or not parts_ms or any(not len(part) for part in parts_ms):
        raise ValueError(
            "joining_overhead needs at least one run of the whole and of every part, got "
            f"{len(whole_ms)} of the whole and {[len(part) for part in parts_ms]} of the parts"
        )
    parts = sum(float(np.median(part)) for part in parts_ms)
    if parts <= 0:
        raise ValueError(f"the parts must take time, their medians sum to {parts} ms")
    return float(np.median(whole_ms)) / parts - 1
