"""Paired bootstrap over images: what a comparison of arms can and cannot say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from mmisr.analysis.comparison.result import ArmFigures, ArmRun, Difference, Verdict
from mmisr.evaluation.functional.coco_records import Floats, Ints, order_of
from mmisr.evaluation.functional.matching import ClassMatches, match_classes
from mmisr.evaluation.functional.new_detections import new_false_positives
from mmisr.evaluation.functional.region_quality import REGIONS
from mmisr.evaluation.functional.weighted_ap import weighted_ap
from mmisr.evaluation.size_bins import WHOLE, Protocol

LEVEL = 0.95
FEWEST = 6
"""With five images all five favour one arm by chance in 2 of 32 cases, more than 5 %.

Fewer than six show nothing.
"""

DETECTION = {"AP": "ap", "AP50": "ap50", "AP75": "ap75", "AR": "ar"}
QUALITY = ("psnr", "ssim")
NEW = "new_false_positives"
BASELINE = "bicubic"
"""The arm whose false positives are no news."""


@dataclass(frozen=True)
class Settings:
    """How detections are counted and images are drawn.

    Args:
        protocol: Bins of object size.
        max_dets: Detections an image and class that count.
        num_classes: Number of classes.
        replicates: How often the images are drawn anew.
        seed: Of the draws.

    Raises:
        ValueError: A number is below 1.
    """

    protocol: Protocol
    max_dets: int
    num_classes: int
    replicates: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.replicates < 1 or self.max_dets < 1 or self.num_classes < 1:
            raise ValueError(
                "replicates, max_dets and num_classes must be at least 1, "
                f"got {self.replicates}, {self.max_dets} and {self.num_classes}"
            )


@dataclass(frozen=True)
class Sampled:
    """One figure of one arm.

    Args:
        values: (1 + B,) the figure on the images as they are, then on each replicate; NaN where it
            does not exist.
        images: How many images it rests on.
    """

    values: Floats
    images: int

    @property
    def value(self) -> float | None:
        """The figure; None where it does not exist."""
        return float(self.values[0]) if math.isfinite(self.values[0]) else None

    def interval(self) -> tuple[float, float]:
        """The middle 95 % of the replicates in which the figure exists."""
        return interval(self.values[1:])


def interval(values: Floats) -> tuple[float, float]:
    """Percentile interval of replicates, NaN left out; NaN at both ends where none is left."""
    known = values[np.isfinite(values)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def draw(images: int, replicates: int, seed: int) -> Ints:
    """(1 + B, images) how often each image counts.

    Once in the first row, as drawn with replacement in the others.
    """
    drawn = np.random.default_rng(seed).multinomial(
        images, np.full(images, 1 / images), size=replicates
    )
    return np.concatenate([np.ones((1, images), dtype=np.int64), drawn])


def sample_arm(
    run: ArmRun,
    baseline: ArmRun | None,
    settings: Settings,
    weights: Ints,
    on_part: Callable[[int], Any] | None = None,
) -> dict[str, Sampled]:
    """Every figure of an arm that images contribute to, on the images as they are and on every replicate.

    Args:
        run: The arm.
        baseline: The bicubic arm; None where there is none.
        settings: How detections are counted.
        weights: (1 + B, images), the same for every arm, see :func:`draw`.
        on_part: As in :func:`weighted_ap`.

    Returns:
        Figures by flat name.
    """
    ranges = settings.protocol.ranges()
    # Images are weighted in the order of the records, which matching leaves for that of ids.
    order = np.array(order_of(run.records))
    classes = match_classes(run.records, settings.num_classes, ranges, settings.max_dets)
    found = weighted_ap(classes, list(ranges), weights[:, order], on_part)
    figures = {}
    for r, (name, figure) in enumerate(found.items()):
        images = len(run.records) if name == WHOLE else _images_with(classes, r)
        for title, key in DETECTION.items():
            figures[flat(title, name)] = Sampled(getattr(figure, key), images)
    for kind in QUALITY:
        for region in REGIONS:
            column = [image.quality[f"{kind}_{region}"] for image in run.images]
            figures[f"{kind}_{region}"] = _mean(column, weights)
    figures[NEW] = _mean(new_counts(run, baseline), weights)
    return figures


def flat(figure: str, range_name: str) -> str:
    """The flat name of a figure in a range of sizes."""
    return figure if range_name == WHOLE else f"{figure}_{range_name}"


def new_counts(run: ArmRun, baseline: ArmRun | None) -> list[float | None]:
    """New false positives of every image, see :func:`new_false_positives`.

    None without a baseline.
    """
    if baseline is None:
        return [None] * len(run.records)
    pairs = zip(run.records, baseline.records, strict=True)
    return [float(new_false_positives(record, known).sum()) for record, known in pairs]


def _images_with(classes: Sequence[ClassMatches], r: int) -> int:
    return int(np.sum([m.positives[r] for m in classes], axis=0).astype(bool).sum())


def _mean(column: Sequence[float | None], weights: Ints) -> Sampled:
    """Mean over the images that have a finite value."""
    values = np.array([math.nan if v is None else v for v in column], dtype=np.float64)
    known = np.isfinite(values)
    total, count = weights[:, known] @ values[known], weights[:, known].sum(1)
    return Sampled(
        np.divide(total, count, out=np.full(len(weights), math.nan), where=count > 0),
        int(known.sum()),
    )


def arm_figures(run: ArmRun, sampled: Mapping[str, Sampled], settings: Settings) -> ArmFigures:
    """The figures of one arm as ``results.json`` holds them, unrounded, with their intervals."""
    values = {name: s.value for name, s in sampled.items()}
    bins = {}
    for name, (low, high) in settings.protocol.bins.items():
        count = sum(
            int((~r.gt_ignore & (r.gt_areas >= low) & (r.gt_areas <= high)).sum())
            for r in run.records
        )
        bins[name] = {**{title: values[flat(title, name)] for title in DETECTION}, "count": count}
    routed = [image.tokens for image in run.images if image.tokens is not None]
    tokens = {k: float(np.mean([t[k] for t in routed])) for k in routed[0]} if routed else {}
    return {
        **{title: values[title] for title in DETECTION},
        "bins": bins,
        **{kind: {region: values[f"{kind}_{region}"] for region in REGIONS} for kind in QUALITY},
        NEW: values[NEW],
        "tokens": tokens,
        "macs": sum(run.macs.values()),
        "macs_by_stage": run.macs,
        "ms": run.ms,
        "intervals": {
            **{name: list(s.interval()) for name, s in sampled.items() if s.value is not None},
            **run.ms_intervals,
        },
    }


def differences(arms: Mapping[str, Mapping[str, Sampled]]) -> list[tuple[Difference, int]]:
    """The differences of every pair of arms in every figure that both have.

    The later arm less the earlier.

    Args:
        arms: Figures by arm.

    Returns:
        Every difference, and how many images the poorer of its two figures rests on.
    """
    found = []
    for b, a in combinations(arms, 2):
        for figure, sampled in arms[a].items():
            other = arms[b][figure]
            if sampled.value is None or other.value is None:
                continue
            delta = sampled.values - other.values
            low, high = interval(delta[1:])
            found.append(
                (
                    Difference(a, b, figure, float(delta[0]), low, high),
                    min(sampled.images, other.images),
                )
            )
    return found


def digits_of(figure: str) -> int:
    """Decimals that a figure is told with: decibels need fewer than shares."""
    return 2 if figure.startswith("psnr") else 4


def judge(difference: Difference, images: int) -> Verdict:
    """What a difference shows.

    Nothing, where its interval holds 0 or where too few images carry it.

    Args:
        difference: The difference and its interval.
        images: How many images it rests on.

    Example:
        >>> judge(Difference("sr", "bicubic", "AP", 0.012, -0.004, 0.031), 40).text
        'sr against bicubic: AP +0.0120 [-0.0040, +0.0310], no difference shown'
    """
    d = difference
    digits = digits_of(d.figure)
    text = (
        f"{d.a} against {d.b}: {d.figure} {d.delta:+.{digits}f} [{d.lo:+.{digits}f}, "
        f"{d.hi:+.{digits}f}], "
    )
    shown: Literal["higher", "lower", "none"] = "none"
    if images < FEWEST:
        text += f"no difference shown ({images} images have it, fewer than {FEWEST} show nothing)"
    elif d.lo > 0 or d.hi < 0:
        shown = "higher" if d.lo > 0 else "lower"
        text += shown
    else:
        text += "no difference shown"
    return Verdict(d.a, d.b, d.figure, shown, text)
