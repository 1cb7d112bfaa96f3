"""What the page shows beside the figures of ``results.json``.

Counted anew from the records, in a second or two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmisr.analysis.comparison.arms import DENSE
from mmisr.analysis.comparison.per_image import ImageGain, image_gains
from mmisr.analysis.comparison.resample import BASELINE
from mmisr.analysis.comparison.result import Comparison
from mmisr.evaluation.functional.coco_records import Floats
from mmisr.evaluation.functional.error_types import count_errors
from mmisr.evaluation.functional.matching import ClassMatches, match_classes
from mmisr.evaluation.functional.new_detections import SCORE, Changes, changes
from mmisr.evaluation.functional.precision_recall import best_score, precision_curve
from mmisr.evaluation.functional.weighted_ap import iou_index
from mmisr.evaluation.size_bins import WHOLE, Protocol
from mmisr.ops.resample import MODES
from mmisr.structures.editor_info import EditorInfo

AT_50 = "IoU 0.50"
CURVES = {AT_50: 0.5, "IoU 0.75": 0.75}
NO_EDITORS = ("lr", "hr", "larger_input", "sliced", *MODES)
"""Names of arms that are never the one under test, unless there is no other."""


@dataclass(frozen=True)
class Pair:
    """The two arms that the page compares image by image.

    Args:
        a: The arm under test.
        b: The arm it is compared with.
    """

    a: str
    b: str


@dataclass(frozen=True)
class Findings:
    """What was counted.

    Args:
        pair: The arms compared image by image; None where there is one arm alone.
        scores: By arm, the score from which on its detections are counted and drawn.
        own_scores: Whether these are each arm's own, at its best F1.
        curves: By title, then by arm: (101,) precision by recall.
        errors: By arm, by range of sizes, by type: how many.
        gains: One entry per image; empty without a pair.
        changes: What the arm under test finds, loses and makes up, one entry per image; empty
            without a pair.
    """

    pair: Pair | None
    scores: Mapping[str, float]
    own_scores: bool
    curves: Mapping[str, Mapping[str, Floats]]
    errors: Mapping[str, Mapping[str, Mapping[str, int]]]
    gains: Sequence[ImageGain]
    changes: Sequence[Changes] = ()


def choose_pair(arms: Sequence[str], wanted: tuple[str, str] | None = None) -> Pair | None:
    """The arm under test and the arm it is compared with.

    By default the editor against bicubic, else against the first.

    Args:
        arms: Names.
        wanted: Names of the two, where someone chose.

    Returns:
        The pair; None where there is one arm alone.

    Raises:
        ValueError: ``wanted`` names no two arms.
    """
    if wanted is not None:
        names = set(wanted)
        if len(names) != 2 or not names <= set(arms):
            raise ValueError(f"pair must name two of the arms {list(arms)}, got {list(wanted)}")
        return Pair(*wanted)
    if len(arms) < 2:
        return None
    b = arms[0]
    if BASELINE in arms:
        b = BASELINE
    others = [name for name in arms if name != b]
    for name in others:
        dense = name + DENSE
        if name == EditorInfo.method or dense in arms:
            return Pair(name, b)
    for name in others:
        if name not in NO_EDITORS:
            return Pair(name, b)
    return Pair(others[-1], b)


def find(
    comparison: Comparison, pair: tuple[str, str] | None = None, score_thr: float | None = None
) -> Findings:
    """Count what the page shows.

    Args:
        comparison: A finished comparison.
        pair: See :func:`choose_pair`.
        score_thr: One score for every arm; None for each arm's own, at which its F1 over the data
            set is best. A detector is surer of itself on sharper pixels, so that one score for all
            mostly compares how sure it is.

    Returns:
        The findings.
    """
    meta = comparison.meta
    max_dets = meta.metric.max_dets
    num_classes = len(meta.classes)
    rules = comparison.rules
    all_sizes = {WHOLE: rules.whole}
    ranges = _ranges(comparison)
    scores: dict[str, float] = {}
    levels = _levels(rules)
    curves: dict[str, dict[str, Floats]] = {title: {} for title in levels}
    errors = {}
    judged = comparison.judged
    for name in judged:
        records = judged[name]
        classes = match_classes(records, num_classes, all_sizes, max_dets, rules)
        score = _score(classes, levels[AT_50]) if score_thr is None else score_thr
        scores[name] = score
        errors[name] = count_errors(records, ranges, score, max_dets, rules)
        for title, level in levels.items():
            curves[title][name] = precision_curve(classes, level)
    chosen = choose_pair(list(judged), pair)
    return Findings(
        pair=chosen,
        scores=scores,
        own_scores=score_thr is None,
        curves=curves,
        errors=errors,
        gains=_gains(comparison, chosen, scores),
        changes=_changes(comparison, chosen, scores),
    )


def _levels(rules: Protocol) -> dict[str, int]:
    """By title of a curve the index of its threshold, of those that a protocol has."""
    levels = {}
    for title, iou in CURVES.items():
        level = iou_index(rules, iou)
        if level is not None:
            levels[title] = level
    return levels


def _score(classes: Sequence[ClassMatches], level: int) -> float:
    """The score from which on an arm's detections count; the usual one where it finds nothing."""
    best = best_score(classes, iou=level)
    return SCORE if best is None else best


def _ranges(comparison: Comparison) -> dict[str, tuple[float, float]]:
    """Ranges of area in px^2 by name, all sizes first."""
    ranges = {WHOLE: comparison.rules.whole}
    for name, (low, high) in comparison.meta.metric.bins.items():
        ranges[name] = (low, high)
    return ranges


def _gains(
    comparison: Comparison, pair: Pair | None, scores: Mapping[str, float]
) -> list[ImageGain]:
    if pair is None:
        return []
    pair_scores = {"a": scores[pair.a], "b": scores[pair.b]}
    of_a = comparison.judged[pair.a]
    of_b = comparison.judged[pair.b]
    max_dets = comparison.meta.metric.max_dets
    return image_gains(of_a, of_b, pair_scores, max_dets, comparison.rules)


def _changes(
    comparison: Comparison, pair: Pair | None, scores: Mapping[str, float]
) -> list[Changes]:
    if pair is None:
        return []
    of_a = comparison.judged[pair.a]
    of_b = comparison.judged[pair.b]
    score = scores[pair.a]
    known_score = scores[pair.b]
    both = (score, known_score)
    max_dets = comparison.meta.metric.max_dets
    changed = []
    for ours, theirs in zip(of_a, of_b, strict=True):
        of_image = changes(ours, theirs, both, max_dets, comparison.rules)
        changed.append(of_image)
    return changed
