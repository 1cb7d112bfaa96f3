"""How tools print a table or a comparison; the other apis return values."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from mmisr.analysis.comparison.result import Comparison
from mmisr.evaluation.functional.tables import Cell, render_table
from mmisr.reports.table import rich_table

TABLE_WIDTH = 175
"""Columns that the table of a comparison needs.

A narrower terminal wraps lines, which reads better than cut-off numbers.
"""


def print_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[Cell]], digits: int = 3
) -> None:
    """Print a table, see :func:`mmisr.evaluation.functional.tables.render_table`.

    Args:
        title: The line above it.
        header: One name per column.
        rows: One cell per column, names or numbers.
        digits: Decimals of a float; 3 by default.
    """
    print(render_table(title, header, rows, digits))


def print_comparison(comparison: Comparison, title: str = "") -> None:
    """Print the table of a comparison, and its verdicts on AP.

    Args:
        comparison: The comparison to show.
        title: The line above the table; the number of images by default.
    """
    width = max(Console().width, TABLE_WIDTH)
    console = Console(width=width)
    if not title:
        num_images = comparison.meta.bootstrap.images
        title = f"{num_images} images, one detector"
    table = rich_table(comparison.arms, title)
    console.print(table)
    for verdict in comparison.verdicts:
        if verdict.figure == "AP":
            console.print(verdict.text, markup=False, highlight=False)
