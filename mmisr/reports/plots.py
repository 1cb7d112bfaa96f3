"""Plots of logs and confusion matrices, drawn without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib import colormaps, style
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mmisr.ops.files import write_whole

DPI = 130
FEW = 40
"""Below so many values each gets a marker."""

DARK = 0.55
"""Brightness, of 1, below which white is easier to read than black."""

Curve = tuple[Sequence[float], Sequence[float]]
"""Steps (or another x) and values."""


@dataclass(frozen=True)
class Looks:
    """How curves look.

    Args:
        title: Text above all panels; None for none.
        style: A style sheet of matplotlib's; None for its default.

    Raises:
        ValueError: There is no such style.
    """

    title: str | None = None
    style: str | None = None

    def __post_init__(self) -> None:
        if self.style not in (None, "default", *style.available):
            raise ValueError(
                f"style {self.style!r} is none of matplotlib's: {', '.join(style.available)}"
            )


def plot_curves(
    panels: Mapping[str, Mapping[str, Curve]],
    path: Path,
    xlabel: str = "step",
    looks: Looks | None = None,
) -> None:
    """One panel per key, one line per run.

    Args:
        panels: By key, then by run.
        path: PNG, PDF or SVG to write.
        xlabel: What the first values of a curve are.
        looks: Title and style.
    """
    looks = looks or Looks()
    with style.context(looks.style or []):
        _draw_curves(panels, path, xlabel, looks.title)


def _draw_curves(
    panels: Mapping[str, Mapping[str, Curve]], path: Path, xlabel: str, title: str | None
) -> None:
    figure = Figure(figsize=(7, 2.6 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    colours = _colours(panels)
    for axis, (key, curves) in zip(axes, panels.items(), strict=True):
        for run, (steps, values) in curves.items():
            axis.plot(
                steps,
                values,
                label=run,
                color=colours[run],
                linewidth=1.2,
                marker="." if len(values) < FEW else None,
            )
        axis.legend(fontsize="small")
        axis.set_ylabel(key)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel(xlabel)
    figure.suptitle(title or "")
    write_whole(path, partial(figure.savefig, dpi=DPI))


def _colours(panels: Mapping[str, Mapping[str, Curve]]) -> dict[str, str]:
    """A colour per run, the same in every panel."""
    runs: dict[str, None] = {}
    for curves in panels.values():
        runs.update(dict.fromkeys(curves))
    return {run: f"C{index}" for index, run in enumerate(runs)}


def plot_confusion(
    counts: NDArray[np.int64], names: Sequence[str], title: str, path: Path, theme: str = "Blues"
) -> None:
    """A confusion matrix; colours are shares of the rows, numbers are counts.

    Args:
        counts: (K, K), rows annotated, columns predicted.
        names: K names.
        title: Text above it.
        path: PNG, PDF or SVG to write.
        theme: A colour map of matplotlib's.

    Raises:
        ValueError: There is no such map.
    """
    check_theme(theme)
    annotated = counts.sum(1, keepdims=True)
    shares = counts / annotated.clip(1)
    side = 2.5 + 0.6 * len(names)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axis = figure.subplots()
    image = axis.imshow(shares, cmap=theme, vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        ground = image.cmap(shares[row, column])
        axis.text(
            column,
            row,
            str(count),
            ha="center",
            va="center",
            color="white" if _is_dark(ground) else "black",
            fontsize="small",
        )
    places = range(len(names))
    axis.set_xticks(places, names, rotation=45, ha="right")
    axis.set_yticks(places, names)
    axis.set(xlabel="predicted", ylabel="annotated", title=title)
    figure.colorbar(image, ax=axis, label="share of the annotated")
    write_whole(path, partial(figure.savefig, dpi=DPI))


def check_theme(theme: str) -> None:
    """See that a colour map is there, before the work begins.

    Args:
        theme: Name of the map.

    Raises:
        ValueError: It is none of matplotlib's.
    """
    if theme not in colormaps:
        names = [name for name in colormaps if not name.endswith("_r")]
        raise ValueError(
            f"color theme {theme!r} is none of matplotlib's colour maps: {', '.join(names)}"
        )


def _is_dark(rgba: Sequence[float]) -> bool:
    """Whether white is easier to read on a colour than black."""
    red, green, blue = rgba[:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue < DARK
