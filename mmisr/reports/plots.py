"""Plots of logs and confusion matrices, drawn without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mmisr.ops.files import write_whole

DPI = 130
Curve = tuple[Sequence[float], Sequence[float]]
"""Steps (or another x) and values."""


def plot_curves(panels: Mapping[str, Mapping[str, Curve]], path: Path, xlabel: str = "step") -> None:
    """One panel a key, one line a run.

    Args:
        panels: By key, then by run.
        path: PNG, PDF or SVG to write.
        xlabel: What the first values of a curve are.
    """
    figure = Figure(figsize=(7, 2.6 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    runs = list(dict.fromkeys(run for curves in panels.values() for run in curves))
    for axis, (key, curves) in zip(axes, panels.items(), strict=True):
        for run, (steps, values) in curves.items():
            colour, marker = f"C{runs.index(run)}", "." if len(values) < 40 else None
            axis.plot(steps, values, label=run, color=colour, linewidth=1.2, marker=marker)
        axis.legend(fontsize="small")
        axis.set_ylabel(key)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel(xlabel)
    write_whole(path, partial(figure.savefig, dpi=DPI))


def plot_confusion(counts: NDArray[np.int64], names: Sequence[str], title: str, path: Path) -> None:
    """A confusion matrix; colours are shares of the rows, numbers are counts.

    Args:
        counts: (K, K), rows annotated, columns predicted.
        names: K names.
        title: Text above it.
        path: PNG, PDF or SVG to write.
    """
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    side = 2.5 + 0.6 * len(names)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axis = figure.subplots()
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axis.text(column, row, str(count), ha="center", va="center", color=colour, fontsize="small")
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="predicted", ylabel="annotated", title=title)
    figure.colorbar(image, ax=axis, label="share of the annotated")
    write_whole(path, partial(figure.savefig, dpi=DPI))
