"""What the page shows beside the figures of ``results.json``.

Counted anew from the records, in a second or two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmisr.analysis.comparison.arms import DENSE
from mmisr.analysis.comparison.bootstrap import BASELINE
from mmisr.analysis.comparison.per_image import ImageGain, image_gains
from mmisr.analysis.comparison.result import ArmRun, Comparison
from mmisr.evaluation.functional.coco_records import Floats
from mmisr.evaluation.functional.error_types import count_errors
from mmisr.evaluation.functional.matching import match_classes
from mmisr.evaluation.functional.new_detections import SCORE
from mmisr.evaluation.functional.precision_recall import best_score, precision_curve
from mmisr.evaluation.functional.size_binned_ap import IOU_50, IOU_75
from mmisr.evaluation.size_bins import INFINITE, WHOLE
from mmisr.ops.resample import MODES
from mmisr.structures.editor_info import EditorInfo

CURVES = {"IoU 0.50": IOU_50, "IoU 0.75": IOU_75}
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
        gains: One entry an image; empty without a pair.
    """

    pair: Pair | None
    scores: Mapping[str, float]
    own_scores: bool
    curves: Mapping[str, Mapping[str, Floats]]
    errors: Mapping[str, Mapping[str, Mapping[str, int]]]
    gains: Sequence[ImageGain]


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
        if not set(wanted) <= set(arms) or len(set(wanted)) != 2:
            raise ValueError(f"pair must name two of the arms {list(arms)}, got {list(wanted)}")
        return Pair(*wanted)
    if len(arms) < 2:
        return None
    b = BASELINE if BASELINE in arms else arms[0]
    others = [name for name in arms if name != b]
    own = [name for name in others if name == EditorInfo.method or f"{name}{DENSE}" in arms]
    preferred = [*own, *(name for name in others if name not in NO_EDITORS), others[-1]]
    return Pair(preferred[0], b)


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
    metric = comparison.meta["metric"]
    max_dets, scores, curves = (
        metric["max_dets"],
        {},
        {title: dict[str, Floats]() for title in CURVES},
    )
    whole = {WHOLE: (0.0, INFINITE)}
    for name, run in comparison.runs.items():
        classes = match_classes(run.records, len(comparison.meta["classes"]), whole, max_dets)
        best = best_score(classes) if score_thr is None else score_thr
        scores[name] = SCORE if best is None else best
        for title, iou in CURVES.items():
            curves[title][name] = precision_curve(classes, iou)
    ranges = {**whole, **{name: (span[0], span[1]) for name, span in metric["bins"].items()}}
    errors = {
        n: count_errors(run.records, ranges, scores[n], max_dets)
        for n, run in comparison.runs.items()
    }
    chosen = choose_pair(list(comparison.runs), pair)
    return Findings(
        chosen,
        scores,
        score_thr is None,
        curves,
        errors,
        _gains(comparison.runs, chosen, scores, max_dets),
    )


def _gains(
    runs: Mapping[str, ArmRun], pair: Pair | None, scores: Mapping[str, float], max_dets: int
) -> list[ImageGain]:
    if pair is None:
        return []
    cut = {"a": scores[pair.a], "b": scores[pair.b]}
    return image_gains(runs[pair.a].records, runs[pair.b].records, cut, max_dets)
