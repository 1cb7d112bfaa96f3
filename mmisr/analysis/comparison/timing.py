"""How long arms take: in turns on the same images, so that what drifts drifts for all of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmisr.analysis.comparison.arms import detector_shape, predict
from mmisr.ops.files import write_text
from mmisr.ops.memory import peak_mb
from mmisr.ops.timing import NULL_TIMER, StageTimer
from mmisr.pipeline.sr_detector import SRDetector

DETECTOR = "detector"
"""The stage whose time arms share where the detector and the shape of its input are the same."""

TIMING = "timing.json"

DRAWS = 1000
LEVEL = 95
SEED = 0
"""Of the intervals: how often runs are drawn anew, percent of the draws, and where they begin."""

Feed = Literal["lr", "hr"]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class ArmTiming:
    """What one arm takes.

    Args:
        ms: Median milliseconds per image, by stage.
        intervals: ``ms`` for all stages together and ``ms_<stage>``: a 95 % interval of the median,
            from runs drawn anew.
        mb: Megabytes that the largest of the images takes beyond the weights, see
            :func:`mmisr.ops.memory.peak_mb`; None where the system cannot say.
    """

    ms: dict[str, float]
    intervals: dict[str, list[float]]
    mb: float | None = None


def time_arms(
    arms: Mapping[str, tuple[SRDetector, Feed]],
    batches: Sequence[dict],
    rounds: int,
    tick: Callable[[], Any] = lambda: None,
) -> dict[str, ArmTiming]:
    """Time every arm on every image, arm after arm on one image before the next.

    Convention: another arm is first in each round. A stage that arms share (one detector, one shape
    of its input) is timed in all of them, and its runs count together for each: equal work is given
    equal time. Memory is measured in the round that warms up.

    Args:
        arms: Model and feed by name.
        batches: Collated batches of one image, the same for all arms.
        rounds: How often every arm sees every image, after one round that warms up and does not
            count.
        tick: Called after every prediction.

    Returns:
        Times by name.
    """
    keys = {name: _StageKeys(name, pair, feed, batches) for name, (pair, feed) in arms.items()}
    runs: dict[Key, list[float]] = defaultdict(list)
    first, *_ = batches
    _begin(arms, first)
    megabytes = _peaks(arms, batches, tick)
    order = _turned(arms)
    for _ in range(rounds):
        for index, batch in enumerate(batches):
            for name in order:
                for stage, ms in _timed(arms[name], batch).items():
                    runs[keys[name].of(stage, index)].append(ms)
                tick()
        order = _turned(order)
    drawn = {key: _medians(values) for key, values in runs.items()}
    timings = {}
    for name in arms:
        timing = _timing(keys[name].by_stage(), drawn)
        timings[name] = replace(timing, mb=megabytes[name])
    return timings


def _turned(order: Iterable[str]) -> list[str]:
    """The first one last."""
    first, *others = order
    return [*others, first]


def _begin(arms: Mapping[str, tuple[SRDetector, Feed]], batch: dict) -> None:
    """Predict once: what a process holds from then on is no arm's own."""
    for pair, feed in arms.values():
        predict(pair, batch, feed)


def _peaks(
    arms: Mapping[str, tuple[SRDetector, Feed]],
    batches: Sequence[dict],
    tick: Callable[[], Any],
) -> dict[str, float | None]:
    """Megabytes that the largest image takes, by arm; a round that warms up for the times."""
    peaks: dict[str, float | None] = {}
    for batch in batches:
        for name, (pair, feed) in arms.items():
            mb = _peak_mb(pair, feed, batch)
            if mb is not None:
                mb = max(mb, peaks.get(name) or 0.0)
            peaks[name] = mb
            tick()
    return peaks


def _peak_mb(pair: SRDetector, feed: Feed, batch: dict) -> float | None:
    """Megabytes that one prediction takes."""
    parameter = next(pair.parameters())
    work = partial(predict, pair, batch, feed)
    return peak_mb(work, parameter.device)


class _StageKeys:
    """Under which keys the runs of one arm are kept; arms that share a key share its time.

    Args:
        name: Name of the arm.
        pair: Its model.
        feed: Which pixels the pair gets.
        batches: The images.
    """

    def __init__(self, name: str, pair: SRDetector, feed: Feed, batches: Sequence[dict]) -> None:
        self.name = name
        self.detector = [_detector_key(pair, batch, feed) for batch in batches]
        self.stages: dict[str, None] = {}

    def of(self, stage: str, index: int) -> Key:
        """The key of a stage on one image."""
        self.stages[stage] = None
        return self.detector[index] if stage == DETECTOR else (self.name, stage)

    def by_stage(self) -> dict[str, list[Key]]:
        """All keys of every stage that was timed."""
        keys: dict[str, list[Key]] = {stage: [(self.name, stage)] for stage in self.stages}
        if DETECTOR in keys:
            keys[DETECTOR] = self.detector
        return keys


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
    timings = {}
    for name, timing in content["timings"].items():
        timings[name] = ArmTiming(**timing)
    return timings


def write_timings(path: Path, folders: Mapping[str, str], timings: Mapping[str, ArmTiming]) -> None:
    """Keep what was timed, whole or not at all; arguments as for :func:`read_timings`."""
    by_arm = {name: asdict(timing) for name, timing in timings.items()}
    content = {"arms": dict(folders), "timings": by_arm}
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
    ms = {}
    intervals = {}
    total = np.zeros(1 + DRAWS)
    for stage, of_images in keys.items():
        by_image = [drawn[key] for key in of_images]
        values = np.median(by_image, axis=0)
        total += values
        ms[stage] = float(values[0])
        intervals[f"ms_{stage}"] = _interval(values)
    intervals = {"ms": _interval(total), **intervals}
    return ArmTiming(ms, intervals)


def _interval(values: NDArray[np.float64]) -> list[float]:
    half = (100 - LEVEL) / 2
    return [float(v) for v in np.percentile(values[1:], (half, 100 - half))]
