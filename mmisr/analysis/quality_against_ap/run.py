"""Which criterion of image quality goes with the score of the task: Dai et al. 2016."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmisr.analysis.comparison.resample import (
    BASELINE,
    Sampled,
    draw,
    interval,
    weighted_mean,
)
from mmisr.analysis.comparison.result import Comparison
from mmisr.analysis.quality_against_ap.correlation import COEFFICIENTS, Coefficient
from mmisr.analysis.quality_against_ap.criteria import (
    OTHER_SIZE,
    REGIONS,
    ImageQuality,
    arm_quality,
    criteria_names,
    figure_names,
)
from mmisr.analysis.quality_against_ap.result import Correlation, Method, QualityAgainstAP
from mmisr.analysis.quality_against_ap.scores import SCORES, TaskScores, task_scores
from mmisr.analysis.what_helps import ORACLE
from mmisr.evaluation.functional.coco_records import Floats
from mmisr.evaluation.functional.overlaps import Bools

FEWEST = 4
"""Points that a coefficient needs: three are in one order by chance in one of six cases."""
INFINITE = "it is infinite"
ALIKE = "the criterion or the score is the same for all"
SMALL_SIDE = 32.0
"""COCO's small objects."""


def quality_against_ap(
    comparison: Comparison,
    folder: Path,
    replicates: int,
    seed: int,
    small_side: float = SMALL_SIDE,
) -> QualityAgainstAP:
    """Correlate image quality with AP and recall, across methods and across images.

    Source: Dai et al., "Is image super-resolution helpful for other vision tasks?", 2016: criteria
    of quality against the score of a task that stays the same. What differs: detection in place of
    their tasks, criteria inside boxes too, intervals, and coefficients across methods kept apart
    from those across images.

    Convention: HR is the reference of every criterion, and no point of a correlation. Across
    methods: one point a method, its mean criterion and its score over the data set. A mean is over
    the images where every method that has the criterion at all has a finite value, so that means
    rest on the same images. Across images: a coefficient over the images of each method, and the
    mean of these over methods. Intervals draw images anew, the same for all methods; methods are
    not drawn.

    Args:
        comparison: A finished comparison with the arms ``bicubic`` and ``hr``.
        folder: Where the criteria of arms are kept.
        replicates: How often images are drawn anew.
        seed: Of these draws.
        small_side: An object is small up to this side, in the frame of the size bins.

    Raises:
        ValueError: An arm is not there, or kept no pictures; a number is out of range.
    """
    _check(comparison, replicates, small_side)
    runs = comparison.runs
    num_images = len(comparison.images)
    weights = draw(num_images, replicates, seed)
    judged = []
    with tqdm(total=len(runs) * num_images, desc=f"{'quality':>20}", unit="image") as bar:
        for name, run in runs.items():
            quality = arm_quality(run, runs[ORACLE], folder, bar.update)
            scores = task_scores(comparison, name, weights, small_side)
            judged.append(_Judged(name, quality, scores))
    points = [arm for arm in judged if arm.is_point]
    draws = weights.astype(np.float64)
    shared = _shared(points, num_images)
    correlations = [*_across_methods(points, draws, shared), *_across_images(points, draws)]
    metric = comparison.meta.metric
    return QualityAgainstAP(
        folders=dict(comparison.meta.folders),
        protocol=metric.protocol,
        max_dets=metric.max_dets,
        methods=[_method(arm, draws, shared) for arm in judged],
        correlations=correlations,
        criteria=criteria_names(),
        small_side=small_side,
        replicates=replicates,
        seed=seed,
        num_images=num_images,
        left_out=_left_out(points, shared),
    )


def _check(comparison: Comparison, replicates: int, small_side: float) -> None:
    absent = [name for name in (BASELINE, ORACLE) if name not in comparison.runs]
    if absent:
        raise ValueError(
            f"quality is judged against HR, beside bicubic, and the comparison has no arm "
            f"{' and no arm '.join(absent)}, only {', '.join(comparison.runs)}: run "
            f"tools/compare.py with --arms {BASELINE} ... {ORACLE} (LR must be simulated from HR)"
        )
    if replicates < 1 or small_side <= 0:
        raise ValueError(
            f"replicates must be at least 1 and small_side above 0, got {replicates} and "
            f"{small_side}"
        )


@dataclass(frozen=True)
class _Judged:
    """One arm, its criteria and its scores."""

    name: str
    quality: Sequence[ImageQuality]
    scores: TaskScores

    @property
    def is_point(self) -> bool:
        """Whether it is a point of the correlations."""
        if self.name == ORACLE:
            return False
        return all(OTHER_SIZE not in image.reasons.values() for image in self.quality)

    def column(self, name: str) -> Floats:
        """(images,) of a criterion."""
        return np.array([image.value(name) for image in self.quality])


def _shared(points: Sequence[_Judged], num_images: int) -> dict[str, Bools]:
    """By figure, (images,) those where every method that has it at all has a finite value."""
    shared: dict[str, Bools] = {}
    for name in figure_names():
        is_shared = np.ones(num_images, dtype=bool)
        for arm in points:
            is_known = np.isfinite(arm.column(name))
            if is_known.any():
                is_shared &= is_known
        shared[name] = is_shared
    return shared


def _left_out(points: Sequence[_Judged], shared: Mapping[str, Bools]) -> dict[str, int]:
    """By figure, how many images means leave out that a method has a finite value of."""
    counts = {}
    for name, is_shared in shared.items():
        is_left_out = np.zeros_like(is_shared)
        for arm in points:
            is_left_out |= np.isfinite(arm.column(name)) & ~is_shared
        if is_left_out.any():
            counts[name] = int(is_left_out.sum())
    return counts


def _mean(arm: _Judged, name: str, draws: Floats, shared: Mapping[str, Bools]) -> Sampled:
    """The mean criterion of a method over the images that all share."""
    column = np.where(shared[name], arm.column(name), np.nan)
    return weighted_mean(column, draws)


def _method(arm: _Judged, draws: Floats, shared: Mapping[str, Bools]) -> Method:
    once = draws[:1]
    columns: dict[str, Floats] = {**arm.scores.images}
    criteria = {}
    for name in figure_names():
        columns[name] = arm.column(name)
        criteria[name] = _mean(arm, name, once, shared).value
    images = []
    for index in range(len(arm.quality)):
        of_image = {}
        for name, column in columns.items():
            of_image[name] = _known(column[index])
        images.append(of_image)
    scores = {}
    for name, values in arm.scores.draws.items():
        scores[name] = _known(values[0])
    return Method(
        arm=arm.name,
        scores=scores,
        criteria=criteria,
        images=images,
        reasons=_reasons(arm),
        is_point=arm.is_point,
    )


def _reasons(arm: _Judged) -> dict[str, int]:
    """Why criteria do not exist, and of how many images that is true."""
    counts: Counter[str] = Counter()
    for image in arm.quality:
        for name, reason in image.reasons.items():
            counts[f"{name}: {reason}"] += 1
    for name in figure_names():
        num_infinite = int(np.isinf(arm.column(name)).sum())
        # Of HR it is so everywhere, which the page says.
        if num_infinite and arm.is_point:
            counts[f"{name}: {INFINITE}"] = num_infinite
    return dict(counts)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True)
class _Question:
    """What is correlated with what, and how."""

    criterion: str
    region: str
    score: str
    coefficient: str

    @property
    def figure(self) -> str:
        """The name of the criterion in the region."""
        return f"{self.criterion}_{self.region}"

    @property
    def compute(self) -> Coefficient:
        """The function of the coefficient."""
        return COEFFICIENTS[self.coefficient]


def _questions() -> Iterator[_Question]:
    for each in product(criteria_names(), REGIONS, SCORES, COEFFICIENTS):
        yield _Question(*each)


def _across_methods(
    points: Sequence[_Judged], draws: Floats, shared: Mapping[str, Bools]
) -> Iterator[Correlation]:
    means: dict[str, list[Floats]] = {}
    for name in figure_names():
        means[name] = []
        for arm in points:
            sampled = _mean(arm, name, draws, shared)
            means[name].append(sampled.values)
    for question in _questions():
        x = []
        y = []
        for arm, mean in zip(points, means[question.figure], strict=True):
            score = arm.scores.draws[question.score]
            # A method without the criterion on these images is no point.
            if math.isfinite(mean[0] + score[0]):
                x.append(mean)
                y.append(score)
        values = _nothing(draws)
        reason = _too_few(len(x), "methods")
        if not reason:
            values = _of_methods(question.compute, x, y)
        yield _correlation("methods", question, values, len(x), reason)


def _nothing(draws: Floats) -> Floats:
    """(1 + B,) of NaN."""
    return np.full(len(draws), np.nan)


def _too_few(points: int, kind: str) -> str:
    """What is said of too few points; empty where there are enough."""
    if points >= FEWEST:
        return ""
    return f"{points} {kind} have both, fewer than {FEWEST} show nothing"


def _of_methods(
    coefficient: Coefficient, criteria: Sequence[Floats], scores: Sequence[Floats]
) -> Floats:
    """(1 + B,) over methods, their values drawn anew."""
    x = np.stack(criteria, axis=1)
    y = np.stack(scores, axis=1)
    is_known = np.isfinite(x + y).all(1)
    known_x = x[is_known]
    known_y = y[is_known]
    values = np.full(len(x), np.nan)
    once = np.ones_like(x[:1])
    values[is_known] = coefficient(known_x, known_y, once)
    return values


def _across_images(points: Sequence[_Judged], draws: Floats) -> Iterator[Correlation]:
    for question in _questions():
        existing = []
        most = 0
        for arm in points:
            x = arm.column(question.figure)
            y = arm.scores.images[question.score]
            num_known = int(np.isfinite(x + y).sum())
            most = max(most, num_known)
            if num_known < FEWEST:
                continue
            values = _of_images(question.compute, x, y, draws)
            if math.isfinite(values[0]):
                existing.append(values)
        mean = _nothing(draws)
        if existing:
            mean = _mean_of_known(np.stack(existing))
        reason = _too_few(most, "images")
        yield _correlation("images", question, mean, most, reason)


def _of_images(coefficient: Coefficient, x: Floats, y: Floats, draws: Floats) -> Floats:
    """(1 + B,) over the images of a method; NaN where a draw has none of them."""
    is_known = np.isfinite(x + y)
    known_x = x[None, is_known]
    known_y = y[None, is_known]
    weights = draws[:, is_known]
    is_drawn = weights.sum(1) > 0
    values = _nothing(draws)
    values[is_drawn] = coefficient(known_x, known_y, weights[is_drawn])
    return values


def _mean_of_known(values: Floats) -> Floats:
    """(1 + B,) mean over methods; NaN where none is known."""
    is_known = np.isfinite(values)
    count = is_known.sum(0)
    total = np.where(is_known, values, 0).sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _correlation(
    across: str, question: _Question, values: Floats, points: int, reason: str
) -> Correlation:
    value = _known(values[0])
    low, high = interval(values[1:]) if value is not None else (math.nan, math.nan)
    is_alike = value is None and not reason
    return Correlation(
        across=across,
        criterion=question.criterion,
        region=question.region,
        score=question.score,
        coefficient=question.coefficient,
        value=value,
        lo=_known(low),
        hi=_known(high),
        points=points,
        reason=ALIKE if is_alike else reason,
    )
