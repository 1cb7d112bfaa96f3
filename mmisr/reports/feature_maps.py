"""The picture of what a detector makes of bicubic, SR and HR pixels."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmisr.analysis.feature_maps import VERSIONS, FeatureMaps, TapMaps
from mmisr.ops.files import write_whole
from mmisr.reports.pictures import to_uint8
from mmisr.reports.plots import DPI

TITLES = {"bicubic": "bicubic", "sr": "SR", "hr": "HR"}
COLOURS = "viridis"
WIDTH = 3.2
"""Of a panel, in inches."""

SCALE = 1.0
TEXT = 0.4
"""Inches for the scale of colours, and for the text of a row."""


def plot_feature_maps(maps: FeatureMaps, path: Path) -> None:
    """Draw the images, and a row per tap on one common scale, with the correlation to HR under it.

    Args:
        maps: What the detector makes of a scene.
        path: PNG, PDF or SVG to write.
    """
    figure, axes = _grid(maps)
    first, *others = axes
    for axis, name in zip(first, VERSIONS, strict=True):
        image = maps.images[name]
        title = TITLES[name]
        picture = to_uint8(image)
        axis.imshow(picture)
        axis.set_title(title)
    for row, tap in zip(others, maps.taps, strict=True):
        _draw(figure, row, tap)
    save = partial(figure.savefig, dpi=DPI)
    write_whole(path, save)


def _grid(maps: FeatureMaps) -> tuple[Figure, np.ndarray]:
    """A row for the images and one per tap, with a column per version."""
    num_taps = len(maps.taps)
    rows = num_taps + 1
    columns = len(VERSIONS)
    name = VERSIONS[0]
    image = maps.images[name]
    _, height, width = image.shape
    panel_height = WIDTH * height / width
    row_height = panel_height + TEXT
    sheet_width = WIDTH * columns + SCALE
    sheet_height = row_height * rows
    size = (sheet_width, sheet_height)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    return figure, axes


def _draw(figure: Figure, row: np.ndarray, tap: TapMaps) -> None:
    """One tap; 0 is dark, and the strongest activation of the three versions is bright."""
    peaks = [strengths.max() for strengths in tap.maps.values()]
    strongest = float(max(peaks))
    for axis, name in zip(row, VERSIONS, strict=True):
        drawn = axis.imshow(
            tap.maps[name],
            cmap=COLOURS,
            vmin=0,
            vmax=strongest,
        )
        correlation = tap.to_hr[name]
        text = f"correlation to HR {correlation:.3f}"
        axis.set_xlabel(text, fontsize="small")
    first: Axes = row[0]
    first.set_ylabel(tap.tap)
    panels = list(row)
    # All three have one scale, so any of them stands for it.
    figure.colorbar(drawn, ax=panels, shrink=0.8)
