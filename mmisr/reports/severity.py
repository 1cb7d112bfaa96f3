"""AP against severity: the table and the plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmisr.reports.plots import Curve, plot_curves
from mmisr.reports.table import markdown_row

Cells = Sequence[Mapping[str, Any]]
"""Each with ``pair``, ``corruption``, ``severity`` and ``AP``."""
Figures = dict[str, dict[str, dict[int, float]]]
"""AP by corruption, pair and severity."""


def severity_table(cells: Cells) -> str:
    """The table in Markdown: a row for each corruption and pair, a column for each severity.

    Args:
        cells: What was measured.
    """
    found = {cell["severity"] for cell in cells}
    severities = sorted(found)
    titles = [str(severity) for severity in severities]
    numbers = "---:|" * len(severities)
    lines = [
        markdown_row(["corruption", "pair", *titles]),
        f"|---|---|{numbers}",
    ]
    for corruption, pairs in _figures(cells).items():
        for pair, values in pairs.items():
            texts = _texts(values, severities)
            line = markdown_row([corruption, pair, *texts])
            lines.append(line)
    return "\n".join(lines)


def plot_severities(cells: Cells, path: Path) -> None:
    """A panel for each corruption, a line for each pair.

    Args:
        cells: What was measured.
        path: PNG, PDF or SVG to write.
    """
    panels: dict[str, dict[str, Curve]] = {}
    for corruption, pairs in _figures(cells).items():
        curves = {}
        for pair, values in pairs.items():
            curves[pair] = _curve(values)
        panels[f"AP, {corruption}"] = curves
    plot_curves(panels, path, "severity")


def _figures(cells: Cells) -> Figures:
    figures: Figures = {}
    for cell in cells:
        pairs = figures.setdefault(cell["corruption"], {})
        values = pairs.setdefault(cell["pair"], {})
        severity = cell["severity"]
        values[severity] = cell["AP"]
    return figures


def _curve(values: Mapping[int, float]) -> Curve:
    """Severities and their AP, the mildest first."""
    severities = sorted(values)
    figures = [values[severity] for severity in severities]
    return severities, figures


def _texts(values: Mapping[int, float], severities: Sequence[int]) -> list[str]:
    """AP by severity, a dash where one was not measured."""
    texts = []
    for severity in severities:
        value = values.get(severity)
        texts.append("-" if value is None else f"{value:.3f}")
    return texts
