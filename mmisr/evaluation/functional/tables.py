"""Plain-text tables for the log."""

from __future__ import annotations

import math
from collections.abc import Sequence

Cell = str | float


def render_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[Cell]], digits: int = 3
) -> str:
    """A table as text, names to the left and numbers to the right.

    Args:
        title: The first line.
        header: One name per column.
        rows: Cells; floats are shown with ``digits`` decimals and NaN as ``-``, integers as they
            are.
        digits: Decimals of a float.

    Returns:
        Lines of equal form, without a line break at the end.

    Example:
        >>> rows = [("small", 3, 0.25), ("large", 0, float("nan"))]
        >>> print(render_table("AP", ("size", "boxes", "AP"), rows))
        AP
        size   boxes     AP
        small      3  0.250
        large      0      -
    """
    lines = [list(header)]
    for row in rows:
        cells = [_text(cell, digits) for cell in row]
        lines.append(cells)
    columns: list[list[str]] = []
    for column in zip(*lines, strict=True):
        padded = _padded(column, is_first=not columns)
        columns.append(padded)
    text = [title]
    for padded_cells in zip(*columns, strict=True):
        line = "  ".join(padded_cells)
        text.append(line)
    return "\n".join(text)


def _padded(column: Sequence[str], is_first: bool) -> list[str]:
    """A column of one width: names to the left, numbers to the right."""
    width = max(map(len, column))
    if is_first:
        return [cell.ljust(width) for cell in column]
    return [cell.rjust(width) for cell in column]


def _text(cell: Cell, digits: int) -> str:
    if isinstance(cell, float):
        return "-" if math.isnan(cell) else f"{cell:.{digits}f}"
    return str(cell)
