"""Which detection found what, once for every image: the first half of the AP engine of a bootstrap.

:mod:`mmisr.evaluation.functional.weighted_ap` is the second half, which counts AP again for every
replicate without matching anew. Why there are two engines, and what holds them equal:
docs/concepts/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import (
    Floats,
    ImageRecord,
    Ints,
    check_labels,
    in_order,
)
from mmisr.evaluation.functional.ignore_rules import has_mark
from mmisr.evaluation.functional.matching_rules import match_by_rule
from mmisr.evaluation.functional.overlaps import Bools, inside
from mmisr.evaluation.size_bins import PROTOCOLS, Protocol
from mmisr.structures.marks import Mark

COCO = PROTOCOLS["coco"]
NUM_SAMPLES = 1000
"""Levels of the score at which WIDER FACE's tool looks at its curve."""


@dataclass(frozen=True)
class ClassMatches:
    """The detections of one class over a data set, best score first, and what became of each.

    Convention: T thresholds, R ranges of area, I images (in :func:`in_order`), N detections under
    the cap, M of them that overlap an annotation of the class at the lowest threshold; all others
    are unmatched everywhere.

    Args:
        image: (N,) index of the image.
        score: (N,) scores, falling.
        rank: (N,) how many detections come before it where the cap counts.
        inside: (R, N) whether a detection's own area lies in the range.
        near: (M,) indices of the detections that overlap an annotation, rising.
        status: (T, R, M) UNMATCHED, TRUE or IGNORED.
        positives: (R, I) annotations that recall is a share of.
        samples: (S,) how many detections score at least each level that a curve is sampled at,
            highest first; None where it is taken at every true positive.
    """

    image: Ints
    score: Floats
    rank: Ints
    inside: Bools
    near: Ints
    status: NDArray[np.int8]
    positives: Ints
    samples: Ints | None = None


def match_classes(
    records: Sequence[ImageRecord],
    num_classes: int,
    ranges: Mapping[str, tuple[float, float]],
    max_dets: int,
    rules: Protocol = COCO,
) -> list[ClassMatches]:
    """Match every detection at every IoU threshold and in every range of areas.

    Source: ``COCOeval.evaluateImg`` of pycocotools, rule for rule: detections by falling score,
    each takes the free annotation of its class with the highest IoU, those that count before those
    that do not; crowds may be taken again, and overlap is measured on the detection's own area
    there; what matched nothing counts only inside the range. Other rules are those of
    :mod:`mmisr.evaluation.functional.matching_rules`.

    Args:
        records: One per image, in any order, as :func:`all_counted` gives them.
        num_classes: Number of classes; labels are below it.
        ranges: Area ranges in px^2 by name; both ends belong to them. Those named as a subset of
            the rules hold the annotations that are in it.
        max_dets: Detections per image (and class) that count.
        rules: Thresholds, and how to match; its bins and cap are not read.

    Returns:
        One entry per class.

    Raises:
        ValueError: A label names no class.
    """
    records = in_order(records)
    for record in records:
        check_labels(record, num_classes)
    plan = plan_of(records, ranges, max_dets, rules)
    matches = []
    for label in range(num_classes):
        of_class = _match_class(records, label, plan)
        matches.append(of_class)
    return matches


@dataclass(frozen=True)
class Plan:
    """What is the same for every class.

    Args:
        rules: How to match.
        limits: (R, 2) ranges of area.
        marks: For every range what its annotations must be marked with; 0 for nothing.
        max_dets: Detections that count.
        ranks: For every image the ranks of its detections; None where the cap is per class.
        score_span: The lowest and the highest score of all; None where curves are not sampled.
    """

    rules: Protocol
    limits: Floats
    marks: list[Mark]
    max_dets: int
    ranks: list[Ints] | None
    score_span: tuple[float, float] | None

    def counts(self, record: ImageRecord) -> bool:
        """Whether the detections on an image count at all."""
        return self.rules.ignoring.empty_images or len(record.gt_labels) > 0

    def detections(self, record: ImageRecord, index: int, label: int) -> tuple[Ints, Ints]:
        """Which detections of a class count, best score first, and their ranks under the cap."""
        if self.ranks is None:
            best = best_of_class(record, label, self.max_dets)
            return best, np.arange(len(best))
        is_of_class = record.det_labels == label
        of_class = np.flatnonzero(is_of_class)
        of_image = self.ranks[index]
        ranks = of_image[of_class]
        order = np.argsort(ranks)
        ranks = ranks[order]
        num_kept = np.searchsorted(ranks, self.max_dets)
        kept = order[:num_kept]
        return of_class[kept], ranks[:num_kept]

    def ignored(self, record: ImageRecord, truths: Ints) -> tuple[Bools, Bools]:
        """(R, G) annotations that do not count in a range, and those that are of another kind."""
        areas = record.gt_areas[truths]
        marks = record.gt_marks[truths]
        is_inside = inside(areas, self.limits)
        is_other = ~is_inside
        for row, mark in zip(is_other, self.marks, strict=True):
            if mark:
                has_it = has_mark(marks, mark)
                row |= ~has_it
        is_ignored = record.gt_ignore[truths]
        return is_other | is_ignored, is_other

    def samples(self, score: Floats) -> Ints | None:
        """(S,) how many of (N,) falling scores reach each level; None where curves are not sampled.

        Source: ``norm_score.m`` and ``evaluation.m`` of WIDER FACE's tool. Where all scores are one
        there is no stretching them, and none reaches a level.
        """
        if self.score_span is None:
            return None
        low, high = self.score_span
        if high <= low:
            return np.zeros(NUM_SAMPLES, dtype=np.int64)
        span = high - low
        stretched = (score - low) / span
        steps = np.arange(1, NUM_SAMPLES + 1)
        levels = 1 - steps / NUM_SAMPLES
        rising = -stretched
        return np.searchsorted(rising, -levels, side="right")


def plan_of(
    records: Sequence[ImageRecord],
    ranges: Mapping[str, tuple[float, float]],
    max_dets: int,
    rules: Protocol,
) -> Plan:
    """The plan by which images are matched; arguments as in :func:`match_classes`."""
    return Plan(
        rules=rules,
        limits=np.array([*ranges.values()], dtype=np.float64),
        marks=[rules.ignoring.subsets.get(name, Mark(0)) for name in ranges],
        max_dets=max_dets,
        ranks=[_ranks(record) for record in records] if rules.matching.cap == "image" else None,
        score_span=_score_span(records) if rules.averaging.curve == "sampled" else None,
    )


def _score_span(records: Sequence[ImageRecord]) -> tuple[float, float]:
    of_images = [record.det_scores for record in records if len(record.det_scores)]
    if not of_images:
        return 0.0, 0.0
    scores = np.concatenate(of_images)
    low = float(scores.min())
    high = float(scores.max())
    return low, high


def _ranks(record: ImageRecord) -> Ints:
    """(D,) rank of every detection of an image by falling score, from 0."""
    order = np.argsort(-record.det_scores, kind="stable")
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    return ranks


def _no_numbers() -> list[Ints]:
    return [np.zeros(0, dtype=np.int64)]


def _no_values() -> list[Floats]:
    return [np.zeros(0)]


@dataclass
class _Columns:
    """What the images contribute to one class, image by image.

    The first entry of a column is empty, so that a class without detections has columns too.

    Args:
        status: (T, R, M) what became of detections that overlap an annotation.
        near: (M,) their ranks among all detections of the class.
        image: (N,) index of the image of every detection.
        score: (N,) its score.
        area: (N,) its area.
        rank: (N,) its rank under the cap.
        num_detections: N so far.
    """

    status: list[NDArray[np.int8]]
    near: list[Ints] = field(default_factory=_no_numbers)
    image: list[Ints] = field(default_factory=_no_numbers)
    score: list[Floats] = field(default_factory=_no_values)
    area: list[Floats] = field(default_factory=_no_values)
    rank: list[Ints] = field(default_factory=_no_numbers)
    num_detections: int = 0

    def add_matches(self, near: Ints, status: NDArray[np.int8]) -> None:
        """Of the next image: (M,) which detections are near, and their (T, R, M) status."""
        self.near.append(near + self.num_detections)
        self.status.append(status)

    def add_detections(
        self, index: int, record: ImageRecord, detections: Ints, ranks: Ints
    ) -> None:
        """Of the same image: all detections of the class."""
        number = len(detections)
        images = np.full(number, index)
        scores = record.det_scores[detections]
        areas = record.det_areas[detections]
        self.image.append(images)
        self.score.append(scores)
        self.area.append(areas)
        self.rank.append(ranks)
        self.num_detections += number


def _match_class(records: Sequence[ImageRecord], label: int, plan: Plan) -> ClassMatches:
    rules = plan.rules
    counts_all = rules.averaging.possible == "all"
    num_ranges = len(plan.limits)
    no_status = np.zeros((len(rules.matching.ious), num_ranges, 0), dtype=np.int8)
    columns = _Columns(status=[no_status])
    positives = np.zeros((num_ranges, len(records)), dtype=np.int64)
    for index, record in enumerate(records):
        if not plan.counts(record):
            continue
        is_of_class = record.gt_labels == label
        truths = np.flatnonzero(is_of_class)
        detections, ranks = plan.detections(record, index, label)
        if len(truths):
            ignore, is_other = plan.ignored(record, truths)
            impossible = is_other if counts_all else ignore
            possible = ~impossible
            positives[:, index] = possible.sum(1)
        if not len(detections):
            continue
        if len(truths):
            matched = match_by_rule(record, truths, detections, ignore, rules.matching)
            columns.add_matches(matched.near, matched.status)
        columns.add_detections(index, record, detections, ranks)
    return _by_score(columns, plan, positives)


def best_of_class(record: ImageRecord, label: int, max_dets: int) -> Ints:
    """Indices of an image's detections of one class that count, best score first.

    Args:
        record: The image.
        label: The class.
        max_dets: Detections that count at most.

    Returns:
        (D,) indices; equal scores stay in the order of the record.
    """
    detections = np.flatnonzero(record.det_labels == label)
    falling = -record.det_scores[detections]
    order = np.argsort(falling, kind="stable")
    return detections[order[:max_dets]]


def _by_score(columns: _Columns, plan: Plan, positives: Ints) -> ClassMatches:
    """Bring the detections of all images into one order.

    Equal scores stay in the order of the images.
    """
    image = np.concatenate(columns.image)
    score = np.concatenate(columns.score)
    size = np.concatenate(columns.area)
    under_cap = np.concatenate(columns.rank)
    near = np.concatenate(columns.near)
    status = np.concatenate(columns.status, axis=2)
    order = np.argsort(-score, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    near = rank[near]
    by_rank = np.argsort(near)
    status = status[..., by_rank]
    return ClassMatches(
        image=image[order],
        score=score[order],
        rank=under_cap[order],
        inside=inside(size[order], plan.limits),
        near=near[by_rank],
        status=np.ascontiguousarray(status),
        positives=positives,
        samples=plan.samples(score[order]),
    )
