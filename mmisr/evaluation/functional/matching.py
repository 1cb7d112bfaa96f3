"""Which detection found what, once for every image: the first half of the AP engine of a bootstrap.

:mod:`mmisr.evaluation.functional.weighted_ap` is the second half, which counts AP again for every
replicate without matching anew. Why there are two engines, and what holds them equal:
docs/concepts/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import (
    Floats,
    ImageRecord,
    Ints,
    check_labels,
    in_order,
)
from mmisr.evaluation.functional.columns import Detections, Truths, detections_of, truths_of
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
    truths = truths_of(records)
    detections = plan.detections(records)
    matches = []
    for label in range(num_classes):
        annotated = truths.of_class(label)
        detected = detections.of_class(label)
        of_class = _match_class(records, annotated, detected, plan)
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
        score_span: The lowest and the highest score of all; None where curves are not sampled.
    """

    rules: Protocol
    limits: Floats
    marks: list[Mark]
    max_dets: int
    score_span: tuple[float, float] | None

    def detections(self, records: Sequence[ImageRecord]) -> Detections:
        """Which detections count."""
        is_cap_of_image = self.rules.matching.cap == "image"
        under_cap = detections_of(records, self.max_dets, is_cap_of_image)
        if self.rules.ignoring.empty_images:
            return under_cap
        annotated = [i for i, record in enumerate(records) if len(record.gt_labels)]
        return under_cap.taken(np.isin(under_cap.image, annotated))

    def ignored(self, truths: Truths) -> tuple[Bools, Bools]:
        """(R, G) annotations that do not count in a range, and those that are of another kind."""
        is_inside = inside(truths.area, self.limits)
        is_other = ~is_inside
        for row, mark in zip(is_other, self.marks, strict=True):
            if mark:
                has_it = has_mark(truths.mark, mark)
                row |= ~has_it
        return is_other | truths.ignore, is_other

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


def _match_class(
    records: Sequence[ImageRecord], truths: Truths, detections: Detections, plan: Plan
) -> ClassMatches:
    """The matches of one class, whose boxes these are."""
    rules = plan.rules
    ignore, is_other = plan.ignored(truths)
    impossible = is_other if rules.averaging.possible == "all" else ignore
    num_images = len(records)
    positives = np.zeros((len(plan.limits), num_images), dtype=np.int64)
    for row, is_none in zip(positives, impossible, strict=True):
        images = truths.image[~is_none]
        row[:] = np.bincount(images, minlength=num_images)
    # The first entries are empty, so that a class without matches has columns too.
    near = [np.zeros(0, dtype=np.int64)]
    no_status = np.zeros((len(rules.matching.ious), len(plan.limits), 0), dtype=np.int8)
    status: list[NDArray[np.int8]] = [no_status]
    for image, of_truths, of_detections in _of_images(truths, detections):
        matched = match_by_rule(
            records[image],
            truths.place[of_truths],
            detections.place[of_detections],
            ignore[:, of_truths],
            rules.matching,
        )
        near.append(matched.near + of_detections.start)
        status.append(matched.status)
    met = np.concatenate(near)
    outcome = np.concatenate(status, axis=2)
    return _by_score(detections, plan, positives, met, outcome)


def _of_images(truths: Truths, detections: Detections) -> Iterator[tuple[int, slice, slice]]:
    """Every image that has annotations and detections of a class, and where these stand."""
    images, starts = np.unique(truths.image, return_index=True)
    ends = [*starts[1:].tolist(), len(truths.image)]
    first = np.searchsorted(detections.image, images)
    behind = np.searchsorted(detections.image, images, side="right")
    of_truths = map(slice, starts.tolist(), ends)
    of_detections = map(slice, first.tolist(), behind.tolist())
    for image, annotated, detected in zip(images.tolist(), of_truths, of_detections, strict=True):
        if detected.start < detected.stop:
            yield image, annotated, detected


def _by_score(
    detections: Detections, plan: Plan, positives: Ints, near: Ints, status: NDArray[np.int8]
) -> ClassMatches:
    """Bring the detections of all images into one order.

    Equal scores stay in the order of the images.

    Args:
        detections: (N,) those of the class.
        plan: How they were matched.
        positives: (R, I) annotations that recall is a share of.
        near: (M,) which of the detections overlap an annotation.
        status: (T, R, M) what became of these.
    """
    order = np.argsort(-detections.score, kind="stable")
    ordered = detections.taken(order)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    near = rank[near]
    by_rank = np.argsort(near)
    status = status[..., by_rank]
    return ClassMatches(
        image=ordered.image,
        score=ordered.score,
        rank=ordered.rank,
        inside=inside(ordered.area, plan.limits),
        near=near[by_rank],
        status=np.ascontiguousarray(status),
        positives=positives,
        samples=plan.samples(ordered.score),
    )
