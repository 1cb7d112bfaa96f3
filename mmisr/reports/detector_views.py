"""The pictures of what a detector sees: one image, and the mean over a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mmisr.analysis.detector_views import DetectorView, TapGaps, TokenView
from mmisr.ops.files import write_whole
from mmisr.reports.feature_maps import COLOURS, TITLES, WIDTH
from mmisr.reports.pictures import exit_colours, to_uint8
from mmisr.reports.plots import DPI

TEXT = 0.45
"""Inches of text above and below a row."""

SIGNED = "RdBu"
"""Blue is good: SR is nearer to HR, or depth saves loss."""

LAST_EXIT = 2
"""Colours are those of three exits, where there are no more."""

Floats = NDArray[np.float32]


def plot_detector_view(view: DetectorView, path: Path) -> None:
    """One image: its versions, routing and task gain, and the distance to HR at every tap.

    Args:
        view: The image as the detector sees it.
        path: PNG, PDF or SVG to write.
    """
    tokens = view.tokens
    above = 1 if tokens is None else 2
    num_taps = len(view.gaps)
    images = view.maps.images
    hr = images["hr"]
    aspect = _aspect(hr)
    figure, axes = _grid(above + num_taps, aspect)
    _images(axes[0], images)
    if tokens is not None:
        _tokens(axes[1], tokens)
    taps = axes[above:]
    _taps(taps, view.gaps)
    save = partial(figure.savefig, dpi=DPI)
    write_whole(path, save)


def plot_mean_gaps(gaps: Sequence[TapGaps], images: int, path: Path) -> None:
    """The mean over a data set: a row per tap.

    Args:
        gaps: Means, one per tap.
        images: How many images they are of.
        path: PNG, PDF or SVG to write.
    """
    first = gaps[0]
    values = first.maps["sr"]
    rows = len(gaps)
    aspect = _aspect(values)
    figure, axes = _grid(rows, aspect)
    _taps(axes, gaps)
    title = f"mean of {images} images"
    figure.suptitle(title, fontsize="medium")
    save = partial(figure.savefig, dpi=DPI)
    write_whole(path, save)


def _aspect(values: Floats) -> float:
    """Height over width of (..., H, W)."""
    height, width = values.shape[-2:]
    return height / width


def _taps(rows: Any, gaps: Sequence[TapGaps]) -> None:
    for row, of_tap in zip(rows, gaps, strict=True):
        _gaps(row, of_tap)


def _grid(rows: int, aspect: float) -> tuple[Figure, Any]:
    """Three panels a row."""
    row_height = WIDTH * aspect + TEXT
    sheet_width = WIDTH * 3
    size = (sheet_width, rows * row_height)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, 3, squeeze=False)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    return figure, axes


def _images(row: Sequence[Axes], images: Mapping[str, Floats]) -> None:
    panels = zip(row, images.items(), strict=True)
    for axis, (name, image) in panels:
        picture = to_uint8(image)
        title = TITLES[name]
        axis.imshow(picture)
        axis.set_title(title)


def _tokens(row: Sequence[Axes], tokens: TokenView) -> None:
    """Where the tokens leave, and what depth is worth."""
    routing, gain, none = row
    exits = tokens.exits
    last = max(LAST_EXIT, exits.max())
    colours = exit_colours(last + 1)
    shares = colours / 255
    palette = ListedColormap(shares)
    routing.imshow(exits, cmap=palette, vmin=0, vmax=last)
    routing.set_title("exit of each token")
    text = _signed(gain, tokens.gains)
    gain.set_title("loss that its depth saves")
    gain.set_xlabel(f"blue: depth helps, {text} of the tokens")
    none.set_axis_off()


def _gaps(row: Sequence[Axes], gaps: TapGaps) -> None:
    """The distance to HR of bicubic and of SR on one scale, and which is nearer."""
    first, second, third = row
    bicubic = gaps.maps["bicubic"]
    sr = gaps.maps["sr"]
    both = [bicubic.max(), sr.max()]
    largest = max(both) or 1.0
    first.imshow(bicubic, cmap=COLOURS, vmin=0, vmax=largest)
    second.imshow(sr, cmap=COLOURS, vmin=0, vmax=largest)
    _name_gap(first, gaps, "bicubic")
    _name_gap(second, gaps, "sr")
    first.set_ylabel(gaps.tap)
    nearer = bicubic - sr
    text = _signed(third, nearer)
    third.set_xlabel(f"blue: SR is nearer, {text} of the cells")


def _name_gap(axis: Axes, gaps: TapGaps, version: str) -> None:
    title = TITLES[version]
    distance = gaps.distance[version]
    axis.set_title(f"{title} to HR")
    axis.set_xlabel(f"distance {distance:.3f}")


def _signed(axis: Axes, values: NDArray[Any]) -> str:
    """Draw around 0, blue above it; the share that is above."""
    sizes = np.abs(values)
    largest = sizes.max() or 1.0
    axis.imshow(values, cmap=SIGNED, vmin=-largest, vmax=largest)
    is_above = values > 0
    share = is_above.mean()
    return f"{share:.0%}"
