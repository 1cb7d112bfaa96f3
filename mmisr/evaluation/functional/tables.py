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
        title: Its first line.
        header: One name a column.
        rows: Cells; floats are shown with ``digits`` decimals and NaN as ``-``, integers as they
            are.
        digits: Decimals of a float.

    Returns:
        Lines of equal form, without a line break at the end.

    Example:
        >>> print(render_table("AP", ("size", "boxes", "AP"), [("small", 3, 0.25), ("large", 0, float("nan"))]))
        AP
        size   boxes     AP
        small      3  0.250
        large      0      -
    """
    cells = [list(header)] + [[_text(cell, digits) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join([title, *lines])


def _text(cell: Cell, digits: int) -> str:
    if isinstance(cell, float):
        return "-" if math.isnan(cell) else f"{cell:.{digits}f}"
    return str(cell)
