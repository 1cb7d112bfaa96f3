"""Resample: every figure of every arm, on the images as they are and as drawn anew.

A paired bootstrap over images: all arms are counted on the same draws, so that what is easy or hard
about an image does not blur their differences.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from mmisr.analysis.comparison.result import ArmRun
from mmisr.evaluation.functional.coco_records import (
    Floats,
    ImageRecord,
    Ints,
    by_masks,
    order_of,
)
from mmisr.evaluation.functional.image_record import AreaSource
from mmisr.evaluation.functional.matching import ClassMatches, match_classes
from mmisr.evaluation.functional.new_detections import new_false_positives
from mmisr.evaluation.functional.region_quality import REGIONS
from mmisr.evaluation.functional.weighted_ap import iou_index, weighted_ap
from mmisr.evaluation.size_bins import WHOLE, Protocol

LEVEL = 0.95
"""Share of the replicates that an interval holds."""

DETECTION = {"AP": "ap", "AP50": "ap50", "AP75": "ap75", "AR": "ar"}
AP25 = "AP25"
"""AP at IoU 0.25, which few protocols have."""
QUALITY = ("psnr", "ssim")
NEW = "new_false_positives"
SEGM = "segm_"
"""What stands before the names of figures that are counted on masks."""

BASELINE = "bicubic"
"""The arm whose false positives are no news."""


@dataclass(frozen=True)
class Settings:
    """How detections are counted and images are drawn.

    Args:
        protocol: Bins of object size, and the rules of matching and averaging.
        max_dets: Detections per image (and class) that count.
        num_classes: Number of classes.
        replicates: How often the images are drawn anew.
        seed: Seed of the draws.
        mask_areas: Where AP of masks takes sizes from, as ``area_source`` of the metric; None for
            no AP of masks.

    Raises:
        ValueError: A number is below 1.
    """

    protocol: Protocol
    max_dets: int
    num_classes: int
    replicates: int = 1000
    seed: int = 0
    mask_areas: AreaSource | None = None

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
    is_known = np.isfinite(values)
    known = values[is_known]
    if not len(known):
        return math.nan, math.nan
    lower = (1 - LEVEL) / 2
    upper = (1 + LEVEL) / 2
    low, high = np.quantile(known, (lower, upper))
    return float(low), float(high)


def draw(images: int, replicates: int, seed: int) -> Ints:
    """(1 + B, images) how often each image counts.

    Once in the first row, as drawn with replacement in the others.
    """
    drawn = np.random.default_rng(seed).multinomial(
        images, np.full(images, 1 / images), size=replicates
    )
    return np.concatenate([np.ones((1, images), dtype=np.int64), drawn])


def resample(runs: Mapping[str, ArmRun], settings: Settings) -> dict[str, dict[str, Sampled]]:
    """Every figure of every arm, on the same draws, with a progress bar.

    Args:
        runs: The arms by name; one called ``bicubic`` is what false positives are new against.
        settings: How detections are counted and images are drawn.

    Returns:
        By arm, then by flat name of the figure.
    """
    first, *_ = runs.values()
    weights = draw(len(first.rows), settings.replicates, settings.seed)
    num_ranges = len(settings.protocol.ranges())
    per_arm = settings.num_classes * num_ranges * len(weights)
    if settings.mask_areas is not None:
        per_arm *= 2
    steps = len(runs) * per_arm
    baseline = runs.get(BASELINE)
    sampled = {}
    with _progress(steps) as bar:
        for name, run in runs.items():
            sampled[name] = sample_arm(run, baseline, settings, weights, bar.update)
    return sampled


@contextmanager
def _progress(total: int) -> Iterator[tqdm]:
    # Neither rate nor count: a step is no unit that a reader knows.
    with tqdm(
        total=total,
        desc=f"{'bootstrap':>20}",
        unit="",
        bar_format="{l_bar}{bar}| {elapsed}<{remaining}",
    ) as bar:
        yield bar


def sample_arm(
    run: ArmRun,
    baseline: ArmRun | None,
    settings: Settings,
    weights: Ints,
    on_part: Callable[[int], Any] | None = None,
) -> dict[str, Sampled]:
    """Every figure of an arm that images contribute to, as they are and on every replicate.

    Args:
        run: The arm.
        baseline: The bicubic arm; None where there is none.
        settings: How detections are counted.
        weights: (1 + B, images), the same for every arm, see :func:`draw`.
        on_part: Called with a number of replicates as they are done, see :func:`weighted_ap`.

    Returns:
        Figures by flat name.
    """
    judged = run.records
    sampled = _detection(judged, settings, weights, on_part)
    if settings.mask_areas is not None:
        judged = _by_masks(run, settings)
        of_masks = _detection(judged, settings, weights, on_part)
        for name, figure in of_masks.items():
            flat_name = SEGM + name
            sampled[flat_name] = figure
    for kind in QUALITY:
        for region in REGIONS:
            name = f"{kind}_{region}"
            column = []
            for image in run.images:
                column.append(image.quality[name])
            sampled[name] = weighted_mean(column, weights)
    new = new_counts(judged, baseline)
    sampled[NEW] = weighted_mean(new, weights)
    return sampled


def _by_masks(run: ArmRun, settings: Settings) -> list[ImageRecord]:
    """The records of an arm as AP of masks counts them."""
    annotated = settings.mask_areas == "annotation"
    return [by_masks(record, annotated) for record in run.records]


def _detection(
    records: Sequence[ImageRecord],
    settings: Settings,
    weights: Ints,
    on_part: Callable[[int], Any] | None,
) -> dict[str, Sampled]:
    """AP and AR over all sizes and by bin."""
    ranges = settings.protocol.ranges()
    rules = settings.protocol
    classes = match_classes(records, settings.num_classes, ranges, settings.max_dets, rules)
    # Images are weighted in the order of the records, which matching leaves for that of ids.
    order = np.array(order_of(records))
    by_range = weighted_ap(classes, list(ranges), weights[:, order], on_part, rules)
    titles = dict(DETECTION)
    if iou_index(rules, 0.25) is not None:
        titles[AP25] = "ap25"
    sampled = {}
    for index, (range_name, figures) in enumerate(by_range.items()):
        images = _images_with(classes, index)
        if range_name == WHOLE:
            images = len(records)
        for title, key in titles.items():
            name = flat(title, range_name)
            values = getattr(figures, key)
            sampled[name] = Sampled(values, images)
    return sampled


def flat(figure: str, range_name: str) -> str:
    """The flat name of a figure in a range of sizes."""
    return figure if range_name == WHOLE else f"{figure}_{range_name}"


def new_counts(records: Sequence[ImageRecord], baseline: ArmRun | None) -> list[float | None]:
    """New false positives of every image, see :func:`new_false_positives`.

    Args:
        records: Those of the arm; by masks where these count.
        baseline: The arm whose false positives are no news; without it every count is None.
    """
    if baseline is None:
        return [None] * len(records)
    counts: list[float | None] = []
    images = zip(records, baseline.records, strict=True)
    for record, known in images:
        new = new_false_positives(record, known)
        count = float(new.sum())
        counts.append(count)
    return counts


def _images_with(classes: Sequence[ClassMatches], index: int) -> int:
    """How many images have an annotation in a range of sizes."""
    positives = np.sum([matches.positives[index] for matches in classes], axis=0)
    return int((positives > 0).sum())


def weighted_mean(column: Sequence[float | None] | Floats, weights: Ints | Floats) -> Sampled:
    """Mean over the images that have a finite value.

    Args:
        column: One value per image.
        weights: (1 + B, images), see :func:`draw`.
    """
    values = np.array(column, dtype=np.float64)  # None becomes NaN
    known = np.isfinite(values)
    known_values = values[known]
    known_weights = weights[:, known]
    total = known_weights @ known_values
    count = known_weights.sum(1)
    means = np.full_like(total, math.nan)
    is_drawn = count > 0
    np.divide(total, count, out=means, where=is_drawn)
    images = len(known_values)
    return Sampled(means, images)
