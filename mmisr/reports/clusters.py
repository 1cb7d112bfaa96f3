"""The picture of features in two dimensions, coloured by degradation and by content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mmisr.ops.files import write_whole
from mmisr.reports.plots import DPI

SIDE = 4.2
"""Of a panel, in inches."""

MARKERS = "osv^DPX*"
"""One per degradation, told apart without colours too; they begin anew after the last."""

CONTENTS = "turbo"
DOT = 9
"""Area of a point, in points squared."""

Points = NDArray[np.float64]
Labels = Mapping[str, NDArray[np.int64]]


def plot_clusters(
    points: Mapping[str, Points],
    labels: Labels,
    degradations: Sequence[str],
    path: Path,
) -> None:
    """A row per model: its t-SNE by degradation, and the same points by content.

    Args:
        points: (N, 2) by model.
        labels: ``degradation`` and ``content``, (N,) each.
        degradations: Names, in the order of their labels.
        path: PNG, PDF or SVG to write.
    """
    rows = len(points)
    width = 2 * SIDE
    height = SIDE * rows
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, 2, squeeze=False)
    by_row = zip(axes, points.items(), strict=True)
    for (left, right), (name, of_model) in by_row:
        _by_degradation(left, of_model, labels, degradations)
        _by_content(right, of_model, labels)
        title = f"{name}: by degradation"
        left.set_title(title, fontsize="medium")
    first = axes[0, 0]
    first.legend(fontsize="small", markerscale=2)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    save = partial(figure.savefig, dpi=DPI)
    write_whole(path, save)


def _by_degradation(axis: Axes, points: Points, labels: Labels, names: Sequence[str]) -> None:
    groups = labels["degradation"]
    markers = cycle(MARKERS)
    named = zip(names, markers, strict=False)
    for index, (name, marker) in enumerate(named):
        is_of_group = groups == index
        across, down = points[is_of_group].T
        axis.scatter(
            across,
            down,
            s=DOT,
            marker=marker,
            label=name,
        )


def _by_content(axis: Axes, points: Points, labels: Labels) -> None:
    groups = labels["content"]
    count = len(np.unique(groups))
    title = f"by content, {count} patches"
    axis.set_title(title, fontsize="medium")
    across, down = points.T
    axis.scatter(
        across,
        down,
        s=DOT,
        c=groups,
        cmap=CONTENTS,
    )
