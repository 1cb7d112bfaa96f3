"""The tables of the page.

Every cell with what is shown, what it is sorted by, and what is said about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmisr.analysis.comparison.per_image import ImageGain
from mmisr.analysis.comparison.result import Comparison, Difference, ImageRow
from mmisr.evaluation.functional.error_types import ERROR_TYPES
from mmisr.evaluation.functional.region_quality import REGIONS
from mmisr.evaluation.size_bins import WHOLE

ABSENT = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
REGION_TITLES = {"whole": "whole", "in_box": "in boxes", "out_box": "outside"}
NO_PIXELS = "nothing to compare: the image has another size than HR, or is HR itself"


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        text: What is shown.
        value: What its column is sorted by; None sorts last.
        note: A second, smaller line.
        title: Why there is nothing to show.
    """

    text: str
    value: float | str | None
    note: str = ""
    title: str = ""


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Args:
        title: Text.
        note: A second, smaller line.
    """

    title: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows.

    Args:
        name: For links and for tests.
        caption: What it shows.
        columns: Heads.
        rows: Cells, as many a row as there are columns.
    """

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def number(
    value: float | None, digits: int, span: Sequence[float] | None = None, why: str = ""
) -> Cell:
    """A cell with a number, and its interval below it; an en dash where there is none."""
    if value is None:
        return Cell(ABSENT, None, title=why or "this figure does not exist here")
    note = f"{fixed(span[0], digits)} to {fixed(span[1], digits)}" if span is not None else ""
    return Cell(fixed(value, digits), value, note)


def fixed(value: float, digits: int, sign: bool = False) -> str:
    """A number in so many decimals, with a minus sign that is one."""
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", MINUS)


def word(text: str) -> Cell:
    """A cell with a word, or a name from a file."""
    return Cell(text, text)


def main_table(comparison: Comparison) -> Table:
    """Every arm with its figures and their intervals."""
    first = next(iter(comparison.arms.values()))
    bins = {name: b["count"] for name, b in first["bins"].items() if b["count"]}
    columns = [Column("arm"), *(Column(t) for t in ("AP", "AP50", "AP75", "AR"))]
    columns += [
        Column(f"AP {name.replace('_', ' ')}", f"{count} objects") for name, count in bins.items()
    ]
    columns += [Column("PSNR", f"{REGION_TITLES[r]}, dB") for r in REGIONS]
    columns += [Column("SSIM", REGION_TITLES[r]) for r in REGIONS]
    columns += [
        Column("new false positives", "an image"),
        Column("ms", "SR"),
        Column("ms", "together"),
    ]
    columns += [Column("GMAC", "SR"), Column("GMAC", "together")]
    rows = [[word(name), *_figures(f, list(bins))] for name, f in comparison.arms.items()]
    caption = (
        f"Every arm on the same {len(comparison.images)} images; below a figure its 95 % interval"
    )
    return Table("figures", caption, columns, rows)


def _figures(f: Mapping[str, Any], bins: Sequence[str]) -> list[Cell]:
    spans = f["intervals"]
    cells = [number(f[k], 3, spans.get(k)) for k in ("AP", "AP50", "AP75", "AR")]
    cells += [number(f["bins"][b]["AP"], 3, spans.get(f"AP_{b}")) for b in bins]
    for kind, digits in (("psnr", 2), ("ssim", 3)):
        cells += [number(f[kind][r], digits, spans.get(f"{kind}_{r}"), NO_PIXELS) for r in REGIONS]
    new = number(
        f["new_false_positives"],
        2,
        spans.get("new_false_positives"),
        "there is no bicubic arm to compare with",
    )
    upscale = f["macs_by_stage"].get("upscale")
    return [
        *cells,
        new,
        number(f["ms"].get("upscale"), 1, spans.get("ms_upscale")),
        number(sum(f["ms"].values()) if f["ms"] else None, 1, spans.get("ms")),
        number(None if upscale is None else upscale / 1e9, 2),
        number(f["macs"] / 1e9, 2),
    ]


def routing_table(comparison: Comparison) -> Table | None:
    """Share of tokens by exit; None where no arm routes tokens."""
    routed = {
        n: f["tokens"]
        for n, f in comparison.arms.items()
        if None not in (f["tokens"] or {0: None}).values()
    }
    if not routed:
        return None
    exits = list(next(iter(routed.values())))
    rows = [[word(name), *(number(100 * t[e], 1) for e in exits)] for name, t in routed.items()]
    columns = [Column("arm"), *(Column(e, "% of tokens") for e in exits)]
    return Table("routing", "Tokens by exit, mean over the images", columns, rows)


def error_table(
    errors: Mapping[str, Mapping[str, Mapping[str, int]]], scores: Mapping[str, float]
) -> Table:
    """Errors by arm, size and type."""
    rows = [
        [
            word(arm),
            number(scores[arm], 2),
            word(_size(name)),
            *(number(counts[k], 0) for k in ERROR_TYPES),
        ]
        for arm, by_range in errors.items()
        for name, counts in by_range.items()
    ]
    columns = [
        Column("arm"),
        Column("from score"),
        Column("size"),
        *(Column(kind) for kind in ERROR_TYPES),
    ]
    return Table("error-types", "Errors by object size and type", columns, rows)


def _size(name: str) -> str:
    return "all sizes" if name == WHOLE else name.replace("_", " ")


def image_table(gains: Sequence[ImageGain], images: Sequence[ImageRow], a: str, b: str) -> Table:
    """Every image with what both arms found in it."""
    columns = [Column("image"), Column("change in F1"), Column("objects")]
    columns += [Column(what, arm) for arm in (b, a) for what in ("found", "false")]
    rows = []
    for g in gains:
        why = "no object is annotated here, so there is no F1"
        change = (
            Cell(ABSENT, None, title=why)
            if g.gain is None
            else Cell(fixed(g.gain, 3, sign=True), g.gain)
        )
        counts = [number(v, 0) for v in (g.a.annotated, g.b.true, g.b.false, g.a.true, g.a.false)]
        rows.append([word(images[g.index].file_name), change, *counts])
    return Table("images", f"Every image: {a} against {b}", columns, rows)


def difference_table(differences: Sequence[Difference]) -> Table:
    """Every difference with its interval."""
    columns = [
        Column("arm"),
        Column("less"),
        Column("figure"),
        Column("difference"),
        Column("from"),
        Column("to"),
    ]
    rows = [
        [
            word(d.a),
            word(d.b),
            word(d.figure),
            *(Cell(fixed(v, 4, sign=True), v) for v in (d.delta, d.lo, d.hi)),
        ]
        for d in differences
    ]
    return Table("differences", "Every difference with its 95 % interval", columns, rows)


def stage_table(comparison: Comparison) -> Table:
    """Milliseconds and multiply-accumulates by stage."""
    stages = list(dict.fromkeys(s for f in comparison.arms.values() for s in f["ms"]))
    counted = list(dict.fromkeys(s for f in comparison.arms.values() for s in f["macs_by_stage"]))
    columns = [Column("arm"), *(Column(s.replace("_", " "), "ms") for s in stages)]
    columns += [Column(s.replace("_", " "), "GMAC") for s in counted]
    rows = [
        [
            word(name),
            *(number(f["ms"].get(s), 2, f["intervals"].get(f"ms_{s}")) for s in stages),
            *(
                number(f["macs_by_stage"][s] / 1e9 if s in f["macs_by_stage"] else None, 2)
                for s in counted
            ),
        ]
        for name, f in comparison.arms.items()
    ]
    return Table("stages", "Where time and compute go, an image", columns, rows)
