"""What helps a detector that stays as it is: what a comparison shows, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmisr.analysis.comparison.resample import BASELINE, draw, interval
from mmisr.analysis.comparison.result import ArmRun, Comparison, Difference
from mmisr.evaluation.functional.coco_records import Floats, ImageRecord
from mmisr.evaluation.functional.image_matches import found_level
from mmisr.evaluation.functional.matching import COCO, match_classes
from mmisr.evaluation.functional.overlaps import Bools
from mmisr.evaluation.functional.precision_recall import best_score
from mmisr.evaluation.functional.smallest_seen import (
    SizeCounts,
    count_sizes,
    found_objects,
    recall_by_size,
    size_edges,
    smallest_seen,
)
from mmisr.evaluation.size_bins import WHOLE, Protocol

ORACLE = "hr"
"""The arm that sees what no camera gave: an upper bound, never advised."""

FEWEST_OBJECTS = 20
"""Classes with fewer objects get no smallest size of their own."""


@dataclass(frozen=True)
class Smallest:
    """The smallest object that is found more often than not.

    Args:
        side: Root of its area in pixels of the frame of the size bins; infinity where objects of no
            size are.
        low: Lower end of the 95 % interval.
        high: Upper end.
    """

    side: float
    low: float
    high: float


@dataclass(frozen=True)
class Way:
    """One way to feed the detector, as far as advice needs it.

    Args:
        arm: Its name.
        ap: AP; None where it does not exist.
        interval: 95 % of it, or nothing.
        ms: Median milliseconds of an image, all stages.
        score: From this score on detections count for what is seen: that of the best F1.
        smallest: Over all classes; None without objects.
        by_class: The same by name of the class, where it has :data:`FEWEST_OBJECTS`.
        recall: Share of the objects found, by range of size.
        mb: Megabytes that an image takes beyond the weights; None where the system cannot say.
    """

    arm: str
    ap: float | None
    interval: list[float]
    ms: float
    score: float
    smallest: Smallest | None
    by_class: dict[str, Smallest] = field(default_factory=dict)
    recall: list[float] = field(default_factory=list)
    mb: float | None = None


@dataclass(frozen=True)
class WhatHelps:
    """What was found.

    Args:
        ways: The baseline first.
        centers: Sides in pixels at which ``recall`` of the ways stands.
        advice: Sentences, the recommendation first.
    """

    ways: list[Way]
    centers: list[float]
    advice: list[str]


def what_helps(comparison: Comparison) -> WhatHelps:
    """Judge a comparison whose first arm is the detector as it is used today.

    Args:
        comparison: A finished comparison.
    """
    first, *_ = comparison.runs.values()
    edges = size_edges(first.records)
    centers: list[float] = []
    if len(edges):
        middles = np.sqrt(edges[:-1] * edges[1:])
        centers = middles.tolist()
    ways = [_way(comparison, run, edges) for run in comparison.runs.values()]
    return WhatHelps(ways, centers, advice(comparison, ways))


def _way(comparison: Comparison, run: ArmRun, edges: Floats) -> Way:
    meta = comparison.meta
    figures = comparison.arms[run.name]
    records = comparison.judged[run.name]
    max_dets = meta.metric.max_dets
    rules = comparison.rules
    score = own_score(records, len(meta.classes), max_dets, rules)
    total = sum(figures.ms.values())
    is_found = found_objects(records, score, max_dets, rules)
    found = _Found(comparison, records, edges, is_found)
    return Way(
        arm=run.name,
        ap=figures.AP,
        interval=figures.intervals.get("AP", []),
        ms=total,
        score=score,
        smallest=found.smallest(),
        by_class=found.by_class(),
        recall=found.recall(),
        mb=figures.mb,
    )


def own_score(
    records: Sequence[ImageRecord], num_classes: int, max_dets: int, rules: Protocol = COCO
) -> float:
    """The score from which on an arm's F1 over the data is best; 0 where it finds nothing.

    Args:
        records: Of the arm.
        num_classes: How many classes there are.
        max_dets: Detections per image (and class) that count.
        rules: The protocol whose rules match.
    """
    everything = {WHOLE: rules.whole}
    classes = match_classes(records, num_classes, everything, max_dets, rules)
    best = best_score(classes, iou=found_level(rules))
    return 0.0 if best is None else best


@dataclass(frozen=True)
class _Found:
    """What an arm finds by size."""

    comparison: Comparison
    records: Sequence[ImageRecord]
    edges: Floats
    is_found: Sequence[Bools]

    def smallest(self, label: int | None = None) -> Smallest | None:
        """Of all classes, or of one; None where there are too few objects."""
        counts = self._counts(label)
        fewest = 1 if label is None else FEWEST_OBJECTS
        if counts is None or counts.total.sum() < fewest:
            return None
        bootstrap = self.comparison.meta.bootstrap
        weights = draw(len(self.records), bootstrap.replicates, bootstrap.seed)
        sides = smallest_seen(counts, weights)
        low, high = _span(sides[1:])
        return Smallest(float(sides[0]), low, high)

    def by_class(self) -> dict[str, Smallest]:
        classes = self.comparison.meta.classes
        if len(classes) == 1:
            return {}
        sizes = {}
        for label, name in enumerate(classes):
            smallest = self.smallest(label)
            if smallest is not None:
                sizes[name] = smallest
        return sizes

    def recall(self) -> list[float]:
        counts = self._counts(None)
        if counts is None:
            return []
        once = np.ones((1, len(self.records)), dtype=np.int64)
        shares = recall_by_size(counts, once)
        return shares[0].tolist()

    def _counts(self, label: int | None) -> SizeCounts | None:
        if not len(self.edges):
            return None
        return count_sizes(self.records, self.edges, self.is_found, label)


def _span(sides: Floats) -> tuple[float, float]:
    """The middle 95 %, where a size that is never reached is larger than all."""
    if np.isfinite(sides).all():
        return interval(sides)
    known = sides[~np.isnan(sides)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, (0.025, 0.975), method="nearest")
    return float(low), float(high)


def advice(comparison: Comparison, ways: Sequence[Way]) -> list[str]:
    """What to do, and no more than the intervals show.

    Args:
        comparison: The comparison, the detector as it is used today first.
        ways: Its arms, as :func:`what_helps` describes them.

    Returns:
        Sentences, the recommendation first.
    """
    gains = _gains(comparison)
    by_arm = {way.arm: way for way in ways}
    baseline = ways[0].arm
    candidates = [way.arm for way in ways[1:] if way.arm != ORACLE]
    helping = [arm for arm in candidates if _shown(comparison, arm, baseline) == "higher"]
    harming = [arm for arm in candidates if _shown(comparison, arm, baseline) == "lower"]
    sentences = []
    if helping:
        sentences += _recommend(comparison, helping, by_arm, gains)
    elif gains:
        sentences.append(_nothing(gains, candidates, baseline))
    for arm in harming:
        sentences.append(f"{arm} does harm: AP {_told(gains[arm])} against {baseline}.")
    if ORACLE in gains:
        shown = _shown(comparison, ORACLE, baseline)
        room = "is ahead" if shown == "higher" else "is not shown to be ahead"
        sentences.append(
            f"HR, which no camera gave, {room} of {baseline}: AP {_told(gains[ORACLE])}. That is "
            "the room that any super-resolution has in front of this detector."
        )
    sentences.append(
        "The detector was the same in every arm. One that is trained on what it will see may gain "
        "more than any way here, and change their order: train it on enlarged images first "
        "(docs/howto/teach_the_pair.md)."
    )
    return sentences


def _gains(comparison: Comparison) -> dict[str, Difference]:
    """AP of each arm less that of the first."""
    baseline = next(iter(comparison.arms))
    return {
        difference.a: difference
        for difference in comparison.differences
        if difference.figure == "AP" and difference.b == baseline
    }


def _shown(comparison: Comparison, a: str, b: str) -> str:
    """What the difference in AP of two arms shows of the first: higher, lower or none."""
    opposite = {"higher": "lower", "lower": "higher", "none": "none"}
    for verdict in comparison.verdicts:
        if verdict.figure != "AP":
            continue
        if (verdict.a, verdict.b) == (a, b):
            return verdict.shown
        if (verdict.a, verdict.b) == (b, a):
            return opposite[verdict.shown]
    return "none"


def _recommend(
    comparison: Comparison,
    helping: Sequence[str],
    by_arm: Mapping[str, Way],
    gains: Mapping[str, Difference],
) -> list[str]:
    """The fastest of those that help and are not shown to be behind the best of them."""
    best = max(helping, key=lambda arm: gains[arm].delta)
    level = [arm for arm in helping if _shown(comparison, arm, best) != "lower"]
    chosen = min(level, key=lambda arm: by_arm[arm].ms)
    baseline = gains[chosen].b
    times = by_arm[chosen].ms / max(by_arm[baseline].ms, 1e-9)
    sentences = [
        f"{chosen} helps: AP {_told(gains[chosen])} against {baseline}, in {times:.1f} times its "
        "time."
    ]
    sentences += _beyond_pixels(comparison, chosen)
    if chosen != best:
        slower = by_arm[best].ms / max(by_arm[chosen].ms, 1e-9)
        sentences.append(
            f"{best} has the highest AP, {_told(gains[best])}, but is not shown to be ahead of "
            f"{chosen}, and takes {slower:.1f} times its time."
        )
    return sentences


def _beyond_pixels(comparison: Comparison, chosen: str) -> list[str]:
    """What super-resolution gives beyond as many pixels that are interpolated."""
    sizes = {name: run.images[0].hw for name, run in comparison.runs.items()}
    if sizes.get(chosen) != sizes.get(BASELINE):
        return []
    return [
        f"Of that, SR itself gives {_told(difference)} over {BASELINE}, which makes as many pixels."
        for difference in comparison.differences
        if (difference.a, difference.b, difference.figure) == (chosen, BASELINE, "AP")
    ]


def _nothing(gains: Mapping[str, Difference], candidates: Sequence[str], baseline: str) -> str:
    known = [arm for arm in candidates if arm in gains]
    if not known:
        return f"There is nothing to compare {baseline} with."
    best = max(known, key=lambda arm: gains[arm].delta)
    return (
        f"No way is shown to help on these images. {best} comes nearest: AP {_told(gains[best])} "
        f"against {baseline}; more images would narrow the interval."
    )


def _told(difference: Difference) -> str:
    low = f"{difference.lo:+.3f}"
    high = f"{difference.hi:+.3f}"
    return f"{difference.delta:+.3f} [{low}, {high}]"
