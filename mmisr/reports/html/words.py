"""What the page says at its top.

What the verdicts of the comparison show, in sentences that claim no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmisr.analysis.comparison.figures import MetricMeta
from mmisr.analysis.comparison.judge import digits_of
from mmisr.analysis.comparison.result import Comparison, Difference, Verdict
from mmisr.evaluation.size_bins import PROTOCOLS, UNCAPPED
from mmisr.reports.html.findings import Pair
from mmisr.reports.html.tables import fixed

UNITS = {"psnr": " dB"}
REGION_WORDS = {
    "whole": "of the whole image",
    "in_box": "inside the boxes",
    "out_box": "outside the boxes",
}

SMALL = 30
"""Percentile intervals of smaller samples cover visibly less than they promise."""


@dataclass(frozen=True)
class Statement:
    """One verdict.

    Args:
        shown: ``higher``, ``lower`` or ``none``, of the arm under test.
        text: A sentence.
    """

    shown: str
    text: str


def statements(comparison: Comparison, pair: Pair | None) -> list[Statement]:
    """The verdicts on the pair, AP first; none without a pair."""
    if pair is None:
        return []
    first = []
    others = []
    for verdict in comparison.verdicts:
        if {verdict.a, verdict.b} != {pair.a, pair.b}:
            continue
        statement = _statement(comparison, verdict, pair)
        if verdict.figure == "AP":
            first.append(statement)
        else:
            others.append(statement)
    return first + others


TURNED = {"higher": "lower", "lower": "higher", "none": "none"}


def _statement(comparison: Comparison, verdict: Verdict, pair: Pair) -> Statement:
    """One verdict, told from the side of the arm under test, which may have been run first."""
    difference = _difference_of(comparison, verdict)
    delta, lo, hi = difference.delta, difference.lo, difference.hi
    shown: str = verdict.shown
    if verdict.a != pair.a:
        delta, lo, hi = -delta, -hi, -lo
        shown = TURNED[shown]
    name = figure_name(verdict.figure)
    by = _interval_words(verdict.figure, delta, lo, hi)
    if shown != "none":
        return Statement(shown, f"{name} is {shown} with {pair.a} than with {pair.b} ({by}).")
    reason = verdict.text.rpartition("no difference shown")[2]
    text = f"{name}: no difference between {pair.a} and {pair.b} is shown ({by}){reason}."
    return Statement(shown, text)


def _difference_of(comparison: Comparison, verdict: Verdict) -> Difference:
    key = (verdict.a, verdict.b, verdict.figure)
    (difference,) = [d for d in comparison.differences if (d.a, d.b, d.figure) == key]
    return difference


def _interval_words(figure: str, delta: float, lo: float, hi: float) -> str:
    """A difference with its interval, in the figure's unit."""
    digits = digits_of(figure)
    unit = UNITS.get(figure.partition("_")[0], "")
    by, low, high = (fixed(value, digits, sign=True) for value in (delta, lo, hi))
    return f"{by}{unit}, 95 % interval {low} to {high}{unit}"


def figure_name(figure: str) -> str:
    """A flat name in words."""
    kind, _, part = figure.partition("_")
    if kind in ("psnr", "ssim"):
        return f"{kind.upper()} {REGION_WORDS[part]}"
    return f"{kind} of {part.replace('_', ' ')} objects" if part else kind


def how_counted(metric: MetricMeta) -> str:
    """Which protocol counted, where, and under which cap, in a sentence."""
    place = "LR image" if metric.frame == "lr" else "image file"
    where = "an image and class"
    protocol = PROTOCOLS.get(metric.protocol)
    if protocol is not None and protocol.matching.cap == "image":
        where = "an image"
    cap = f"at most {metric.max_dets} detections {where} count"
    if metric.max_dets >= UNCAPPED:
        cap = "every detection counts"
    return f"Sizes are measured in pixels of the {place} (bins of {metric.protocol}), {cap}."


def how_judged(comparison: Comparison) -> str:
    """By which rule a detection is found or false, in a sentence."""
    what = "masks" if comparison.has_masks else "boxes"
    name = comparison.rules.name
    return (
        f"What is found, false or missed is said by the rules of {name}, at IoU 0.5 of {what}; "
        "what they ignore is neither."
    )


def caveats(comparison: Comparison) -> Sequence[str]:
    """What a reader must know about the intervals."""
    bootstrap = comparison.meta.bootstrap
    lines = [
        f"Intervals: paired bootstrap over {bootstrap.images} images, {bootstrap.replicates} "
        f"replicates, seed {bootstrap.seed}. They say how much the figures would move with other "
        "images like these, and nothing about other data, detectors or trainings.",
        "Each interval stands alone: of 20 differences that do not exist, one is shown by chance.",
    ]
    if bootstrap.images < SMALL:
        lines.append(
            f"{bootstrap.images} images are few: intervals of so small a sample tend to be too "
            "narrow."
        )
    return lines
