"""What helps a detector, as a page and a picture."""

from __future__ import annotations

import math
from pathlib import Path

from mmisr.analysis.comparison.result import Comparison
from mmisr.analysis.what_helps import Smallest, Way, WhatHelps
from mmisr.reports.plots import plot_curves
from mmisr.reports.table import markdown_table

HEADER = ("way", "AP", "95 %", "ms", "times", "MB", "smallest seen, px", "95 %")


def helps_rows(found: WhatHelps) -> list[list[str]]:
    """One row per way, the baseline first: cells of :data:`HEADER`.

    Args:
        found: What was found.
    """
    first = found.ways[0].ms
    return [_row(way, first) for way in found.ways]


def _row(way: Way, baseline_ms: float) -> list[str]:
    times = way.ms / max(baseline_ms, 1e-9)
    smallest = way.smallest
    return [
        way.arm,
        "-" if way.ap is None else f"{way.ap:.3f}",
        _span(way.interval, 3),
        f"{way.ms:.0f}",
        f"{times:.2f}",
        "-" if way.mb is None else f"{way.mb:.0f}",
        "-" if smallest is None else pixels(smallest.side),
        "-" if smallest is None else _pixel_span(smallest),
    ]


def _span(ends: list[float], digits: int) -> str:
    if len(ends) < 2 or any(math.isnan(end) for end in ends):
        return "-"
    low, high = ends
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


def pixels(side: float) -> str:
    """A size in words.

    Args:
        side: In pixels; infinity where objects of no size are seen.

    Example:
        >>> pixels(9.26), pixels(math.inf)
        ('9.3', 'none')
    """
    if math.isnan(side):
        return "-"
    return "none" if math.isinf(side) else f"{side:.1f}"


def _pixel_span(smallest: Smallest) -> str:
    low = pixels(smallest.low)
    high = pixels(smallest.high)
    return f"[{low}, {high}]"


def markdown_page(found: WhatHelps, comparison: Comparison, title: str) -> str:
    """The page ``what_helps.md``.

    Args:
        found: What was found.
        comparison: What it was found by.
        title: Its heading.
    """
    meta = comparison.meta
    parts = [f"# {title}", ""]
    parts += [f"- {sentence}" for sentence in found.advice]
    parts += ["", *_table(HEADER, helps_rows(found)), ""]
    parts += [
        f"Sizes are sides, the root of the area, in pixels of the {_frame(meta.metric.frame)}. An "
        "object is seen where a detection of its class finds it at IoU 0.5 from the score on at "
        "which the way's F1 is best; the smallest seen is the size from which on more than half "
        "are, and `none` where not even the largest. MB are the most that one of the images that "
        "were timed takes beyond the weights, of the process's memory, or of torch's on a GPU.",
        "",
        "![Recall by size](recall_by_size.png)",
        "",
    ]
    by_class = _by_class(found)
    if by_class:
        parts += ["## Smallest seen, by class", "", *by_class, ""]
    parts += ["## All figures", "", *markdown_table(comparison.arms).splitlines(), ""]
    parts.append(f"{meta.bootstrap.images} images, {meta.device}, {meta.date}, mmisr {meta.mmisr}.")
    return "\n".join(parts) + "\n"


def _frame(frame: str) -> str:
    return "LR image" if frame == "lr" else "image file"


def _table(header: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |"]
    lines.append("|---" + "|---:" * (len(header) - 1) + "|")
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return lines


def _by_class(found: WhatHelps) -> list[str]:
    """A table of the classes that have enough objects; empty where there is one class."""
    classes = list(found.ways[0].by_class)
    if not classes:
        return []
    rows = []
    for way in found.ways:
        cells = [way.arm]
        for name in classes:
            smallest = way.by_class.get(name)
            cells.append("-" if smallest is None else pixels(smallest.side))
        rows.append(cells)
    return _table(("way", *classes), rows)


def plot_recall(found: WhatHelps, path: Path) -> None:
    """Recall by size, one line per way.

    Args:
        found: What was found.
        path: PNG to write.
    """
    curves = {way.arm: (found.centers, way.recall) for way in found.ways}
    plot_curves({"share of the objects found": curves}, path, xlabel="side of the object, px")
