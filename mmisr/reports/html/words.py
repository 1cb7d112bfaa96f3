"""What the page says at its top.

What the verdicts of the comparison show, in sentences that claim no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmisr.analysis.comparison.bootstrap import digits_of
from mmisr.analysis.comparison.result import Comparison, Verdict
from mmisr.reports.html.findings import Pair
from mmisr.reports.html.tables import fixed

UNITS = {"psnr": " dB"}


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
    about = [v for v in comparison.verdicts if {v.a, v.b} == {pair.a, pair.b}]
    return [
        _state(comparison, verdict, pair)
        for verdict in sorted(about, key=lambda v: v.figure != "AP")
    ]


def _state(comparison: Comparison, verdict: Verdict, pair: Pair) -> Statement:
    """One verdict, told from the side of the arm under test, which may have been run before the other."""
    (d,) = [
        d
        for d in comparison.differences
        if (d.a, d.b, d.figure) == (verdict.a, verdict.b, verdict.figure)
    ]
    turned = verdict.a != pair.a
    delta, lo, hi = (-d.delta, -d.hi, -d.lo) if turned else (d.delta, d.lo, d.hi)
    shown = (
        {"higher": "lower", "lower": "higher"}.get(verdict.shown, "none")
        if turned
        else verdict.shown
    )
    digits = digits_of(d.figure)
    unit = UNITS.get(d.figure.partition("_")[0], "")
    span = f"{fixed(lo, digits, sign=True)} to {fixed(hi, digits, sign=True)}{unit}"
    by = f"{fixed(delta, digits, sign=True)}{unit}, 95 % interval {span}"
    name = figure_name(d.figure)
    if shown == "none":
        reason = verdict.text.rpartition("no difference shown")[2]
        return Statement(
            shown, f"{name}: no difference between {pair.a} and {pair.b} is shown ({by}){reason}."
        )
    return Statement(shown, f"{name} is {shown} with {pair.a} than with {pair.b} ({by}).")


def figure_name(figure: str) -> str:
    """A flat name in words."""
    kind, _, part = figure.partition("_")
    if kind in ("psnr", "ssim"):
        return (
            f"{kind.upper()} "
            f"{({'in_box': 'inside the boxes', 'out_box': 'outside the boxes'}).get(part, 'of the whole image')}"
        )
    return f"{kind} of {part.replace('_', ' ')} objects" if part else kind


def caveats(comparison: Comparison) -> Sequence[str]:
    """What a reader must know about the intervals."""
    b = comparison.meta["bootstrap"]
    lines = [
        f"Intervals: paired bootstrap over {b['images']} images, {b['replicates']} replicates, "
        f"seed {b['seed']}. They say how "
        "much the figures would move with other images like these, and nothing about other data, "
        "detectors or trainings.",
        "Each interval stands alone: of 20 differences that do not exist, one is shown by chance.",
    ]
    if b["images"] < SMALL:
        lines.append(
            f"{b['images']} images are few: intervals of so small a sample tend to be too narrow."
        )
    return lines


SMALL = 30
"""Percentile intervals of smaller samples cover visibly less than they promise."""
