"""The table of a comparison: for the terminal, for Markdown, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

Arms = Mapping[str, Mapping[str, Any]]


def rows(arms: Arms) -> tuple[list[str], list[list[str]]]:
    """Columns and rows, formatted.

    A dash where a figure does not exist, bins without objects left out.

    Args:
        arms: Figures by arm, as :func:`mmisr.analysis.comparison.bootstrap.arm_figures` gives them.

    Returns:
        Column titles, and one row an arm.
    """
    first = next(iter(arms.values()))
    bins = {name: b["count"] for name, b in first["bins"].items() if b["count"]}
    columns = ["arm", "AP", "AP50", *(f"AP {name} ({count})" for name, count in bins.items())]
    columns += [
        "PSNR",
        "in box",
        "outside",
        "easy/mod/hard %",
        "SR GMAC",
        "pair GMAC",
        "SR ms",
        "pair ms",
    ]
    return columns, [[name, *_cells(figures, list(bins))] for name, figures in arms.items()]


def _cells(f: Mapping[str, Any], bins: list[str]) -> list[str]:
    tokens = f["tokens"]
    shares = "/".join(f"{100 * v:.0f}" for v in tokens.values() if v is not None) or "-"
    return [
        *(_fixed(f[k], 3) for k in ("AP", "AP50")),
        *(_fixed(f["bins"][b]["AP"], 3) for b in bins),
        *(_fixed(f["psnr"][k], 2) for k in ("whole", "in_box", "out_box")),
        shares,
        _fixed(f["macs_by_stage"].get("upscale", 0) / 1e9, 2),
        _fixed(f["macs"] / 1e9, 2),
        _spanned(f["ms"].get("upscale"), f["intervals"].get("ms_upscale")),
        _spanned(sum(f["ms"].values()), f["intervals"].get("ms")),
    ]


def _fixed(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _spanned(ms: float | None, span: Sequence[float] | None) -> str:
    """Milliseconds with their interval, where they have one."""
    return _fixed(ms, 0) + (
        f" [{span[0]:.0f}, {span[1]:.0f}]" if ms is not None and span is not None else ""
    )


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
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" + "---:|" * (len(columns) - 1)]
    return "\n".join(head + ["| " + " | ".join(line) + " |" for line in lines])


def markdown_verdicts(lines: Iterable[str]) -> list[str]:
    """Verdicts as a list in Markdown."""
    return [f"- {line}" for line in lines]


def csv_table(arms: Arms) -> str:
    """Every figure of every arm, one row a figure: arm, figure, value, lo, hi.

    Empty where one does not exist.

    Args:
        arms: Figures by arm, as :func:`mmisr.analysis.comparison.bootstrap.arm_figures` gives them.
    """
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(("arm", "figure", "value", "lo", "hi"))
    for arm, figures in arms.items():
        for name, value in _flat(figures):
            sheet.writerow((arm, name, value, *figures["intervals"].get(name, ("", ""))))
    return text.getvalue()


def _flat(figures: Mapping[str, Any]) -> list[tuple[str, Any]]:
    rows = [(k, v) for k, v in figures.items() if not isinstance(v, Mapping)]
    rows += [(f"{k}_{name}", v) for name, bin_ in figures["bins"].items() for k, v in bin_.items()]
    for group in ("psnr", "ssim", "tokens", "macs_by_stage", "ms"):
        prefix = {"macs_by_stage": "macs"}.get(group, group)
        rows += [(f"{prefix}_{name}", v) for name, v in figures[group].items()]
    return rows
