"""Show a comparison on the terminal."""

from __future__ import annotations

from rich.console import Console

from mmisr.analysis.comparison.result import Comparison
from mmisr.reports.table import rich_table

TABLE_WIDTH = 175
"""Columns that the table needs.

A narrower terminal wraps lines, which reads better than cut-off numbers.
"""


def show(comparison: Comparison, title: str = "") -> None:
    """Print the table, the verdicts on AP, and where everything lies."""
    console = Console(width=max(Console().width, TABLE_WIDTH))
    meta = comparison.meta
    console.print(
        rich_table(comparison.arms, title or f"{meta.bootstrap.images} images, one detector")
    )
    for verdict in comparison.verdicts:
        if verdict.figure == "AP":
            console.print(verdict.text, markup=False, highlight=False)
