"""How long arms take, timed in turns on the same images.

What drifts on a machine then drifts for all of them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmisr.analysis.comparison.arms import detector_shape, predict
from mmisr.ops.files import write_text
from mmisr.ops.timing import NULL_TIMER, StageTimer
from mmisr.pipeline.sr_detector import SRDetector

DETECTOR = "detector"
"""The stage whose time arms share where the detector and the shape of its input are the same."""

TIMING = "timing.json"
DRAWS, LEVEL, SEED = 1000, 95, 0

Feed = Literal["lr", "hr"]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class ArmTiming:
    """What one arm takes.

    Args:
        ms: Median milliseconds an image, by stage.
        intervals: ``ms`` for all stages together and ``ms_<stage>``: a 95 % interval of the median,
            from runs drawn anew.
    """

    ms: dict[str, float]
    intervals: dict[str, list[float]]


def time_arms(
    arms: Mapping[str, tuple[SRDetector, Feed]],
    batches: Sequence[dict],
    rounds: int,
    tick: Callable[[], Any] = lambda: None,
) -> dict[str, ArmTiming]:
    """Time every arm on every image, arm after arm on one image before the next, and another arm first in each round.

    Convention: a stage that arms share (one detector, one shape of its input) is timed in all of them, and its runs count
    together for each: equal work is given equal time.

    Args:
        arms: Model and feed by name.
        batches: Collated batches of one image, the same for all arms.
        rounds: How often every arm sees every image, after one round that warms up and does not count.
        tick: Called after every prediction.

    Returns:
        Times by name.
    """
    runs: dict[Key, list[float]] = defaultdict(list)
    stages: dict[str, list[str]] = {}
    shapes: dict[str, list[Key]] = {}
    order = list(arms)
    for name, (pair, feed) in arms.items():
        shapes[name] = [_detector_key(pair, batch, feed) for batch in batches]
    for number in range(rounds + 1):
        for index, batch in enumerate(batches):
            for name in order:
                ms = _timed(arms[name], batch)
                stages[name] = list(ms)
                for stage, value in ms.items():
                    key = shapes[name][index] if stage == DETECTOR else (name, stage)
                    if number:
                        runs[key].append(value)
                tick()
        order = [*order[1:], order[0]]
    drawn = {key: _medians(values) for key, values in runs.items()}
    return {
        name: _timing(
            {s: shapes[name] if s == DETECTOR else [(name, s)] for s in stages[name]}, drawn
        )
        for name in arms
    }


def read_timings(path: Path, folders: Mapping[str, str]) -> dict[str, ArmTiming] | None:
    """What was timed before; None where it was of other arms, or is not there.

    Args:
        path: The file.
        folders: The arms' folders by name, whose names hold their keys.
    """
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["arms"] != dict(folders):
        return None
    return {name: ArmTiming(**timing) for name, timing in content["timings"].items()}


def write_timings(path: Path, folders: Mapping[str, str], timings: Mapping[str, ArmTiming]) -> None:
    """Keep what was timed, whole or not at all; arguments as for :func:`read_timings`."""
    content = {
        "arms": dict(folders),
        "timings": {name: asdict(timing) for name, timing in timings.items()},
    }
    write_text(path, json.dumps(content, indent=2) + "\n")


def _timed(arm: tuple[SRDetector, Feed], batch: dict) -> dict[str, float]:
    pair, feed = arm
    timer = pair.timer = StageTimer()
    try:
        predict(pair, batch, feed)
    finally:
        pair.timer = NULL_TIMER
    return timer.medians()


def _detector_key(pair: SRDetector, batch: dict, feed: Feed) -> Key:
    """Arms that have this key in common give their detector the same work."""
    return (DETECTOR, id(pair.detector), *detector_shape(pair, batch, feed))


def _medians(values: Sequence[float]) -> NDArray[np.float64]:
    """The median, and then the medians of runs that are drawn anew."""
    runs = np.asarray(values)
    draws = np.random.default_rng(SEED).integers(len(runs), size=(DRAWS, len(runs)))
    return np.concatenate([[np.median(runs)], np.median(runs[draws], axis=1)])


def _timing(
    keys: Mapping[str, Sequence[Key]], drawn: Mapping[Key, NDArray[np.float64]]
) -> ArmTiming:
    stages = {
        stage: np.median([drawn[key] for key in of_images], axis=0)
        for stage, of_images in keys.items()
    }
    intervals = {"ms": _interval(np.sum(list(stages.values()), axis=0))}
    intervals |= {f"ms_{stage}": _interval(values) for stage, values in stages.items()}
    return ArmTiming({stage: float(values[0]) for stage, values in stages.items()}, intervals)


def _interval(values: NDArray[np.float64]) -> list[float]:
    half = (100 - LEVEL) / 2
    return [float(v) for v in np.percentile(values[1:], (half, 100 - half))]
