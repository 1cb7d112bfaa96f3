"""The table and the picture of a grid."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmisr.analysis.grid.result import Gain, Grid, Row
from mmisr.ops.files import write_whole
from mmisr.reports.plots import DPI
from mmisr.reports.table import markdown_row

HEAD = (
    "row",
    "AP",
    "spread",
    "AP50",
    "AP75",
    "gain in AP",
    "95 % interval",
    "seeds",
    "of the room",
    "minutes",
    "GMAC",
    "ms",
)


def markdown_grid(grid: Grid) -> str:
    """A Markdown table, one line per row; rows whose gain is shown are set in bold.

    Args:
        grid: The grid.
    """
    lines = [
        f"Mean over seeds {', '.join(map(str, grid.seeds))}; gains against `{grid.baseline}`, "
        "95 % intervals over images and seeds, runs of one seed in pairs.",
        "",
        *_room_lines(grid),
        markdown_row(HEAD),
        "|" + " --- |" * len(HEAD),
    ]
    for row in grid.rows:
        lines.append(markdown_row(_cells(grid, row)))
    return "\n".join(lines)


def _room_lines(grid: Grid) -> list[str]:
    """What there is to gain, before anything is said to have gained it."""
    room = grid.room
    if room is None:
        return []
    value, interval, per_seed = _gain_cells(room)
    rows = f"`{grid.ceiling}` is {value} AP from `{grid.baseline}`"
    told = f"Room: {rows}, {interval}, by seed {per_seed}"
    if not room.shown:
        told += "; no room is shown, so no row below can be read as a gain or as none"
    return [f"{told}.", ""]


def _cells(grid: Grid, row: Row) -> list[str]:
    gain = row.gains.get("AP")
    is_shown = gain is not None and gain.shown
    gmacs = None if row.macs is None else row.macs / 1e9
    return [
        f"**{row.name}**" if is_shown else row.name,
        _number(row.figures.get("AP")),
        _number(row.spread.get("AP")),
        _number(row.figures.get("AP50")),
        _number(row.figures.get("AP75")),
        *_gain_cells(gain),
        _number(grid.share_of_room(row), 2),
        _number(row.minutes, 1),
        _number(gmacs, 1),
        _number(row.ms, 0),
    ]


def _gain_cells(gain: Gain | None) -> list[str]:
    if gain is None:
        return ["", "", ""]
    per_seed = " ".join(f"{value:+.3f}" for value in gain.per_seed)
    return [f"{gain.value:+.3f}", f"[{gain.lo:+.3f}, {gain.hi:+.3f}]", per_seed]


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def plot_grid(grid: Grid, path: Path) -> None:
    """Every row's gain in AP with its interval, and a dot per seed.

    Args:
        grid: The grid.
        path: PNG, PDF or SVG to write.
    """
    rows = [row for row in grid.rows if "AP" in row.gains]
    count = max(1, len(rows))
    figure = Figure(figsize=(9, 1.4 + 0.4 * count), layout="constrained")
    axis = figure.subplots()
    # The first row of the table is the uppermost of the picture.
    heights = range(len(rows) - 1, -1, -1)
    for height, row in zip(heights, rows, strict=True):
        _draw(axis, row.gains["AP"], height)
    axis.axvline(0, color="black", linewidth=0.8)
    names = [row.name for row in rows]
    axis.set_yticks(heights, names)
    axis.set_ylim(-0.5, count - 0.5)
    figure.suptitle(f"AP less that of {grid.baseline}", fontsize="medium")
    axis.set_xlabel("bar: 95 % interval, strokes: seeds")
    axis.grid(axis="x", alpha=0.3)
    write_whole(path, partial(figure.savefig, dpi=DPI))


def _draw(axis: Axes, gain: Gain, height: int) -> None:
    """One row: its interval, its mean, a stroke per seed."""
    is_better = gain.shown and gain.value > 0
    colour = "C2" if is_better else "C7"
    seeds = [height] * len(gain.per_seed)
    axis.plot([gain.lo, gain.hi], [height, height], color=colour, linewidth=2)
    axis.plot(gain.value, height, "o", color=colour)
    axis.plot(gain.per_seed, seeds, "|", color="black", markersize=10)
