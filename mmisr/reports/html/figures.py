"""The plots of the page.

SVG inside the page, drawn without a display, in the page's own colours and letters.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mmisr.analysis.comparison.figures import ArmFigures
from mmisr.analysis.comparison.per_image import ImageGain
from mmisr.evaluation.functional.curves import RECALLS
from mmisr.evaluation.functional.error_types import ERROR_TYPES
from mmisr.evaluation.size_bins import WHOLE
from mmisr.reports.html.tables import size_words

Arms = Mapping[str, ArmFigures]

WIDTH = 4.3
"""Inches: on a phone it is drawn at three quarters of that, and its letters can still be read."""

LEFT = 0.62
RIGHT = 0.16
ABOVE = 0.24
"""Inches around a panel."""

INK, GRID, UP, DOWN = "#010203", "#040506", "#070809", "#0a0b0c"
NAMES = {INK: "currentColor", GRID: "var(--grid)", UP: "var(--up)", DOWN: "var(--down)"}
"""Colours that stand for the page's, which knows light from dark."""

SHORT = {
    "localisation": "location",
    "classification": "class",
    "background": "backgr.",
    "duplicate": "dupl.",
}
"""Types of errors below their bars."""

COLOURS = 8
MARKERS, DASHES = "osD^vPX*", ("-", "--", "-.", ":")
"""Arms differ by more than colour."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mmisr",
    "text.parse_math": False,
    "font.size": 10,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK
    ),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


def colour(index: int) -> str:
    """The colour that stands for an arm's."""
    return f"#10{index % COLOURS:02x}00"


@contextmanager
def _plot(
    arms: int, height: float = 2.7, rows: int = 1, below: float = 0.52
) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with room for a legend of so many arms, in two columns.

    Its layout is fixed, which is quick to draw.

    Args:
        arms: How many stand in the legend.
        height: Inches per panel, what stands below it included.
        rows: Panels.
        below: Inches for what stands below a panel.
    """
    lines = (arms + 1) // 2
    whole = 0.17 * lines + rows * height
    left = LEFT / WIDTH
    width = (WIDTH - LEFT - RIGHT) / WIDTH
    panel = (height - below - ABOVE) / whole
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, whole))
        axes = []
        for row in reversed(range(rows)):
            bottom = (row * height + below) / whole
            place = (left, bottom, width, panel)
            axis = figure.add_axes(place)
            axes.append(axis)
        yield figure, axes


def _svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an element of the page.

    Args:
        figure: The figure.
        name: Keeps its ids apart from those of other figures.
        label: What a screen reader says.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"(\bid=\"|xlink:href=\"#|url\(#)", rf"\g<1>{name}-", text)
    text = re.sub(r"#10([0-9a-f]{2})00", lambda m: f"var(--arm{int(m[1], 16)})", text)
    for mark, value in NAMES.items():
        text = text.replace(mark, value)
    size = re.search(r'viewBox="[^"]*"', text)
    head = (
        f'<svg role="img" aria-label="{escape(label)}" {size and size[0]} '
        f'xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    end_of_tag = text.index(">") + 1
    return head + text[end_of_tag:]


def _legend(figure: Figure, axis: Axes) -> None:
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper left", ncols=2, borderaxespad=0, borderpad=0, labelspacing=0.3
    )


def ap_by_size(arms: Arms, bins: Mapping[str, int], kind: str) -> str:
    """AP or AP50 with its interval, by bin.

    Args:
        arms: Figures by arm.
        bins: How many objects each bin has; those without any are left out.
        kind: ``AP`` or ``AP50``.
    """
    names = [WHOLE, *(name for name, count in bins.items() if count)]
    label = f"{kind} by object size, with an interval for every arm"
    with _plot(len(arms)) as (figure, (axis,)):
        for index, (arm, figures) in enumerate(arms.items()):
            points = _Points(arm, index)
            offset = _beside(index, len(arms), 0.7)
            for place, name in enumerate(names):
                value, span = _figure_of(figures, kind, name)
                points.add(place + offset, value, span)
            points.draw(axis)
        labels = [_bin_label(name, bins) for name in names]
        axis.set_xticks(range(len(names)), labels)
        axis.set(ylabel=kind, ylim=(0, None))
        axis.grid(visible=False, axis="x")
        _legend(figure, axis)
        return _svg(figure, f"size-{kind}", label)


def _figure_of(
    figures: ArmFigures, kind: str, range_name: str
) -> tuple[float | None, Sequence[float] | None]:
    """A figure of all sizes or of a bin, and its interval."""
    spans = figures.intervals
    if range_name == WHOLE:
        value = getattr(figures, kind)
        return value, spans.get(kind)
    of_bin = figures.bins[range_name]
    value = getattr(of_bin, kind)
    span = spans.get(f"{kind}_{range_name}")
    return value, span


def _bin_label(name: str, bins: Mapping[str, int]) -> str:
    """Name of a bin, and below it how many objects it has."""
    below = bins.get(name, "sizes")
    return f"{name.replace('_', ' ')}\n{below}"


def _beside(index: int, count: int, width: float) -> float:
    """How far left or right of a tick the mark of one of several arms stands."""
    step = width / max(1, count)
    return (index - (count - 1) / 2) * step


def over_time(arms: Arms, figure_name: str, label: str, values: Mapping[str, float | None]) -> str:
    """A figure over the time of an image.

    Args:
        arms: Figures by arm.
        figure_name: Flat name, by which intervals are found.
        label: What stands at the axis.
        values: The figure by arm; arms without it are left out.
    """
    num_shown = sum(value is not None for value in values.values())
    with _plot(num_shown) as (figure, (axis,)):
        for index, (arm, figures) in enumerate(arms.items()):
            value = values[arm]
            if value is None:
                continue
            spans = figures.intervals
            ms = sum(figures.ms.values())
            points = _Points(arm, index)
            points.add(ms, value, spans.get(figure_name))
            points.draw(axis)
            if "ms" in spans:
                own = colour(index)
                axis.plot(spans["ms"], [value, value], color=own, linewidth=1.6)
        longest = max(_longest_ms(figures) for figures in arms.values())
        axis.set(xlabel="ms an image, SR and detector", ylabel=label, xlim=(0, 1.08 * longest))
        _legend(figure, axis)
        spoken = f"{label} over milliseconds an image, with an interval for both"
        return _svg(figure, f"time-{figure_name}", spoken)


def _longest_ms(figures: ArmFigures) -> float:
    """The time of all stages, or the end of its interval."""
    ends = figures.intervals.get("ms", [0])
    return max(sum(figures.ms.values()), *ends)


@dataclass
class _Points:
    """The markers of one arm.

    Args:
        arm: Name of the arm.
        index: Number of the arm, which chooses colour and marker.
    """

    arm: str
    index: int

    def __post_init__(self) -> None:
        self.x: list[float] = []
        self.y: list[float] = []
        self.spans: list[Sequence[float] | None] = []

    def add(self, x: float, y: float | None, span: Sequence[float] | None) -> None:
        """A marker, with its interval where it has one; a figure that does not exist has none."""
        if y is not None:
            self.x.append(x)
            self.y.append(y)
            self.spans.append(span)

    def draw(self, axis: Axes) -> None:
        """Markers first, then their intervals."""
        marker = MARKERS[_varied(self.index, len(MARKERS))]
        axis.plot(
            self.x,
            self.y,
            markersize=6,
            clip_on=False,
            label=self.arm,
            color=colour(self.index),
            marker=marker,
            linestyle="none",
        )
        for x, span in zip(self.x, self.spans, strict=True):
            if span is not None:
                own = colour(self.index)
                axis.plot([x, x], span, color=own, linewidth=1.6, solid_capstyle="butt")


def _varied(index: int, count: int) -> int:
    """Which of several shapes an arm gets; it differs from that of the last arm of its colour."""
    return (index + index // COLOURS) % count


def precision_recall(curves: Mapping[str, NDArray], title: str) -> str:
    """One line per arm.

    Args:
        curves: By arm (101,) precision; NaN where there is nothing to find.
        title: Text above the plot.
    """
    with _plot(len(curves)) as (figure, (axis,)):
        for index, (arm, precision) in enumerate(curves.items()):
            axis.plot(
                RECALLS,
                precision,
                color=colour(index),
                linestyle=DASHES[_varied(index, len(DASHES))],
                linewidth=1.8,
                label=arm,
            )
        axis.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axis.set_title(title, fontsize=10, loc="left")
        _legend(figure, axis)
        name = "pr-" + re.sub(r"\W", "", title)
        return _svg(figure, name, f"Precision over recall at {title} for every arm")


def image_gains(gains: Sequence[ImageGain]) -> str:
    """The change of every image, sorted.

    Args:
        gains: One entry per image; those without annotations are left out.
    """
    known = [gain.gain for gain in gains if gain.gain is not None]
    rising = np.sort(known)
    values = rising[::-1]
    end = len(values) + 0.5
    edges = np.arange(0.5, end + 1)
    with _plot(0) as (figure, (axis,)):
        axis.stairs(values.clip(min=0), edges, color=UP, fill=True)
        axis.stairs(values.clip(max=0), edges, color=DOWN, fill=True)
        axis.axhline(0, color=INK, linewidth=1)
        axis.set(
            xlabel="images, sorted by their change",
            ylabel="change in F1",
            xlim=(0.5, end),
        )
        ticks = MaxNLocator(nbins=6, integer=True)
        axis.xaxis.set_major_locator(ticks)
        return _svg(figure, "gains", "Change in F1 of every image, sorted")


def error_types(
    errors: Mapping[str, Mapping[str, Mapping[str, int]]], ranges: Sequence[str]
) -> str:
    """Counts of errors by type, one panel per range of sizes; types that never happen are left out.

    Args:
        errors: Counts by arm, by range, by type.
        ranges: Which ranges.
    """
    kinds = [kind for kind in ERROR_TYPES if _happens(kind, errors, ranges)]
    with _plot(len(errors), 1.5, len(ranges), below=0.28) as (figure, axes):
        for axis, range_name in zip(axes, ranges, strict=True):
            counts = {}
            for arm, by_range in errors.items():
                counts[arm] = by_range[range_name]
            _error_panel(axis, counts, kinds)
            title = size_words(range_name)
            axis.set_title(title, fontsize=10, loc="left")
        figure.align_ylabels(axes)
        _legend(figure, axes[0])
        return _svg(figure, "errors", "Errors by type and object size for every arm")


def _happens(
    kind: str, errors: Mapping[str, Mapping[str, Mapping[str, int]]], ranges: Sequence[str]
) -> bool:
    return any(by_range[name][kind] for by_range in errors.values() for name in ranges)


def _error_panel(axis: Axes, counts: Mapping[str, Mapping[str, int]], kinds: Sequence[str]) -> None:
    """Bars of every arm, side by side."""
    places = np.arange(len(kinds))
    width = 0.8 / len(counts)
    for index, (arm, by_kind) in enumerate(counts.items()):
        offset = _beside(index, len(counts), 0.8)
        heights = [by_kind[kind] for kind in kinds]
        axis.bar(
            places + offset,
            heights,
            width * 0.9,
            color=colour(index),
            label=arm,
        )
    labels = [SHORT.get(kind, kind) for kind in kinds]
    axis.set_xticks(range(len(kinds)), labels, fontsize=9)
    axis.grid(visible=False, axis="x")
    ticks = MaxNLocator(nbins=4, integer=True)
    axis.yaxis.set_major_locator(ticks)
    axis.set_ylabel("errors")


def object_sizes(shares: Mapping[str, Sequence[float]], labels: Sequence[str]) -> str:
    """How many objects have which size, the bars of several sets side by side.

    Args:
        shares: Shares of the objects in percent, by set; one per label.
        labels: Lower ends of the bars.
    """
    places = np.arange(len(labels))
    count = len(shares)
    width = 0.72 / count
    with _plot(count) as (figure, (axis,)):
        for index, (name, row) in enumerate(shares.items()):
            offset = _beside(index, count, 0.8)
            beside = places + offset
            tint = colour(index)
            axis.bar(beside, row, width, color=tint, label=name)
        axis.set_xticks(places, labels, fontsize=9)
        axis.grid(visible=False, axis="x")
        axis.set_xlabel("side from ... LR pixels on")
        axis.set_ylabel("% of the objects")
        _legend(figure, axis)
        return _svg(figure, "object-sizes", "Objects by their side in LR pixels")
