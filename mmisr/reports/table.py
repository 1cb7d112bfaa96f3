"""The table of a comparison: for the terminal, for Markdown, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from rich.table import Table

from mmisr.analysis.comparison.figures import ArmFigures
from mmisr.evaluation.size_bins import WHOLE

Arms = Mapping[str, ArmFigures]
Value = float | str | None

FIGURE_COLUMNS = ("PSNR", "in box", "outside", "easy/mod/hard %")
REACH_COLUMNS = ("recall %", "area %")
COST_COLUMNS = ("SR GMAC", "pair GMAC", "SR ms", "pair ms")


def rows(arms: Arms) -> tuple[list[str], list[list[str]]]:
    """Columns and rows, formatted.

    A dash where a figure does not exist; bins without objects are left out, and what is searched
    where no arm routes anything.

    Args:
        arms: Figures by arm.

    Returns:
        Column titles, and one row per arm.
    """
    first = next(iter(arms.values()))
    bins = {name: of_bin.count for name, of_bin in first.bins.items() if of_bin.count}
    columns = ["arm", "AP", *first.at_25, "AP50"]
    for name, count in bins.items():
        columns.append(f"AP {name} ({count})")
    if first.segm:
        columns += ["segm AP", "segm AP50", *(f"segm AP {name}" for name in bins)]
    is_routed = any(figures.searched_area is not None for figures in arms.values())
    reach_columns = REACH_COLUMNS if is_routed else ()
    columns += [*FIGURE_COLUMNS, *reach_columns, *COST_COLUMNS]
    lines = []
    for name, figures in arms.items():
        reach = _reach_cells(figures) if is_routed else ()
        cells = [*_figure_cells(figures, list(bins)), *reach, *_cost_cells(figures)]
        lines.append([name, *cells])
    return columns, lines


def _figure_cells(figures: ArmFigures, bins: Sequence[str]) -> list[str]:
    """AP, PSNR and tokens of one row."""
    psnr = figures.psnr
    at_25 = figures.at_25.values()
    of_masks = _segm_names(figures, bins)
    return [
        _fixed(figures.AP, 3),
        *(_fixed(value, 3) for value in at_25),
        _fixed(figures.AP50, 3),
        *(_fixed(figures.bins[name].AP, 3) for name in bins),
        *(_fixed(figures.segm[name], 3) for name in of_masks),
        _fixed(psnr["whole"], 2),
        _fixed(psnr["in_box"], 2),
        _fixed(psnr["out_box"], 2),
        _shares(figures.tokens),
    ]


def _segm_names(figures: ArmFigures, bins: Sequence[str]) -> list[str]:
    """The figures of masks that have a column; none where masks are not measured."""
    if not figures.segm:
        return []
    return ["AP", "AP50", *(f"AP_{name}" for name in bins)]


def _reach_cells(figures: ArmFigures) -> list[str]:
    """Percent of the objects that are searched, and of the area."""
    recall = figures.object_recall.get(WHOLE)
    return [_percent(recall), _percent(figures.searched_area)]


def _cost_cells(figures: ArmFigures) -> list[str]:
    """Compute and time of one row."""
    sr_macs = figures.macs_by_stage.get("upscale", 0)
    sr_ms = figures.ms.get("upscale")
    pair_ms = sum(figures.ms.values())
    spans = figures.intervals
    return [
        _fixed(sr_macs / 1e9, 2),
        _fixed(figures.macs / 1e9, 2),
        _spanned(sr_ms, spans.get("ms_upscale")),
        _spanned(pair_ms, spans.get("ms")),
    ]


def _shares(tokens: Mapping[str, float | None]) -> str:
    """Percent of the tokens by exit; a dash where nothing is routed."""
    percents = [f"{100 * share:.0f}" for share in tokens.values() if share is not None]
    return "/".join(percents) or "-"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _fixed(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _spanned(ms: float | None, span: Sequence[float] | None) -> str:
    """Milliseconds with their interval, where they have one."""
    text = _fixed(ms, 0)
    if ms is None or span is None:
        return text
    low, high = span
    return f"{text} [{low:.0f}, {high:.0f}]"


def rich_table(arms: Arms, title: str) -> Table:
    """The table for a terminal."""
    columns, lines = rows(arms)
    table = Table(title=title)
    for column in columns:
        table.add_column(column, justify="left" if column == "arm" else "right")
    for line in lines:
        table.add_row(*line)
    return table


def markdown_table(arms: Arms) -> str:
    """The table for a README."""
    columns, lines = rows(arms)
    rule = "|---|" + "---:|" * (len(columns) - 1)
    return "\n".join([markdown_row(columns), rule, *map(markdown_row, lines)])


def markdown_row(cells: Sequence[str]) -> str:
    """One row of a table in Markdown.

    Example:
        >>> markdown_row(["arm", "AP"])
        '| arm | AP |'
    """
    return "| " + " | ".join(cells) + " |"


def markdown_verdicts(lines: Iterable[str]) -> list[str]:
    """Verdicts as a list in Markdown."""
    return [f"- {line}" for line in lines]


def csv_table(arms: Arms) -> str:
    """Every figure of every arm, one row per figure: arm, figure, value, lo, hi.

    Empty where one does not exist.

    Args:
        arms: Figures by arm.
    """
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(("arm", "figure", "value", "lo", "hi"))
    for arm, figures in arms.items():
        spans = figures.intervals
        for name, value in _flat(figures):
            span = spans.get(name, ("", ""))
            row = (arm, name, value, *span)
            sheet.writerow(row)
    return text.getvalue()


def _flat(figures: ArmFigures) -> list[tuple[str, Value]]:
    """Every figure under its flat name: single ones, by bin, by region, exit and stage."""
    content = asdict(figures)
    flat = [(name, value) for name, value in content.items() if not isinstance(value, dict)]
    for bin_name, of_bin in content["bins"].items():
        for name, value in of_bin.items():
            flat.append((f"{name}_{bin_name}", value))
    groups = {
        "psnr": "psnr",
        "ssim": "ssim",
        "tokens": "tokens",
        "object_recall": "recall",
        "macs_by_stage": "macs",
        "ms": "ms",
        "segm": "segm",
    }
    for key, prefix in groups.items():
        for name, value in content[key].items():
            flat.append((f"{prefix}_{name}", value))
    extra = content["extra"]
    flat += extra.items()
    return flat
