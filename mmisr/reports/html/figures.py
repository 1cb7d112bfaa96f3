"""The plots of the page.

SVG inside the page, drawn without a display, in the page's own colours and letters.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mmisr.analysis.comparison.per_image import ImageGain
from mmisr.evaluation.functional.error_types import ERROR_TYPES
from mmisr.evaluation.functional.weighted_ap import RECALLS
from mmisr.evaluation.size_bins import WHOLE

Arms = Mapping[str, Mapping[str, Any]]

WIDTH = 4.3
"""Inches: on a phone the plot is drawn at three quarters of that, and its letters can still be read."""

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
        height: Inches a panel, what stands below it included.
        rows: Panels.
        below: Inches for what stands below a panel.
    """
    legend, left, right, above = 0.17 * ((arms + 1) // 2), 0.62, 0.16, 0.24
    whole = legend + rows * height
    size = ((WIDTH - left - right) / WIDTH, (height - below - above) / whole)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, whole))
        bottoms = [((rows - 1 - i) * height + below) / whole for i in range(rows)]
        yield figure, [figure.add_axes((left / WIDTH, bottom, *size)) for bottom in bottoms]


def _svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an element of the page; ``name`` keeps its ids apart from those of others."""
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
    return head + text[text.index(">") + 1 :]


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
    labels = [
        name.replace("_", " ") + (f"\n{bins[name]}" if name in bins else "\nsizes")
        for name in names
    ]
    step = 0.7 / max(1, len(arms))
    with _plot(len(arms)) as (figure, (axis,)):
        for i, (arm, f) in enumerate(arms.items()):
            at = np.arange(len(names)) + (i - (len(arms) - 1) / 2) * step
            values = [f[kind] if n == WHOLE else f["bins"][n][kind] for n in names]
            spans = [f["intervals"].get(kind if n == WHOLE else f"{kind}_{n}") for n in names]
            _points(axis, at, values, spans, (arm, i))
        axis.set_xticks(range(len(names)), labels)
        axis.set(ylabel=kind, ylim=(0, None))
        axis.grid(visible=False, axis="x")
        _legend(figure, axis)
        return _svg(
            figure, f"size-{kind}", f"{kind} by object size, with an interval for every arm"
        )


def over_time(arms: Arms, figure_name: str, label: str, values: Mapping[str, float | None]) -> str:
    """A figure over the time of an image.

    Args:
        arms: Figures by arm.
        figure_name: Flat name, by which intervals are found.
        label: Of the axis.
        values: The figure by arm; arms without it are left out.
    """
    with _plot(sum(v is not None for v in values.values())) as (figure, (axis,)):
        for i, (arm, f) in enumerate(arms.items()):
            value = values[arm]
            if value is not None:
                _points(
                    axis,
                    [sum(f["ms"].values())],
                    [value],
                    [f["intervals"].get(figure_name)],
                    (arm, i),
                )
                if "ms" in f["intervals"]:
                    axis.plot(f["intervals"]["ms"], [value, value], color=colour(i), linewidth=1.6)
        longest = max(
            max(sum(f["ms"].values()), *f["intervals"].get("ms", [0])) for f in arms.values()
        )
        axis.set(xlabel="ms an image, SR and detector", ylabel=label, xlim=(0, 1.08 * longest))
        _legend(figure, axis)
        return _svg(
            figure,
            f"time-{figure_name}",
            f"{label} over milliseconds an image, with an interval for both",
        )


def _points(
    axis: Axes,
    at: Sequence[float] | NDArray,
    values: Sequence[float | None],
    spans: Sequence[Sequence[float] | None],
    arm: tuple[str, int],
) -> None:
    """One marker a value, with its interval where it has one."""
    name, index = arm
    known = [(x, v, s) for x, v, s in zip(at, values, spans, strict=True) if v is not None]
    style: dict[str, Any] = {
        "color": colour(index),
        "marker": MARKERS[(index + index // COLOURS) % len(MARKERS)],
        "linestyle": "none",
    }
    axis.plot(
        [x for x, _, _ in known],
        [v for _, v, _ in known],
        markersize=6,
        clip_on=False,
        label=name,
        **style,
    )
    for x, _, span in known:
        if span is not None:
            axis.plot([x, x], span, color=colour(index), linewidth=1.6, solid_capstyle="butt")


def precision_recall(curves: Mapping[str, NDArray], title: str) -> str:
    """One line an arm.

    Args:
        curves: By arm (101,) precision; NaN where there is nothing to find.
        title: Above the plot.
    """
    with _plot(len(curves)) as (figure, (axis,)):
        for i, (arm, precision) in enumerate(curves.items()):
            line = DASHES[(i + i // COLOURS) % len(DASHES)]
            axis.plot(RECALLS, precision, color=colour(i), linestyle=line, linewidth=1.8, label=arm)
        axis.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axis.set_title(title, fontsize=10, loc="left")
        _legend(figure, axis)
        return _svg(
            figure,
            "pr-" + re.sub(r"\W", "", title),
            f"Precision over recall at {title} for every arm",
        )


def image_gains(gains: Sequence[ImageGain]) -> str:
    """The change of every image, sorted.

    Args:
        gains: One entry an image; those without annotations are left out.
    """
    values = np.sort([g.gain for g in gains if g.gain is not None])[::-1]
    with _plot(0) as (figure, (axis,)):
        edges = np.arange(len(values) + 1) + 0.5
        for keep, mark in ((values > 0, UP), (values < 0, DOWN)):
            axis.stairs(np.where(keep, values, 0), edges, color=mark, fill=True)
        axis.axhline(0, color=INK, linewidth=1)
        axis.set(
            xlabel="images, sorted by their change",
            ylabel="change in F1",
            xlim=(0.5, len(values) + 0.5),
        )
        axis.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        return _svg(figure, "gains", "Change in F1 of every image, sorted")


def error_types(
    errors: Mapping[str, Mapping[str, Mapping[str, int]]], ranges: Sequence[str]
) -> str:
    """Counts of errors by type, one panel a range of sizes; types that never happen are left out.

    Args:
        errors: By arm, by range, by type.
        ranges: Which ranges.
    """
    step = 0.8 / len(errors)
    kinds = [
        k
        for k in ERROR_TYPES
        if any(by_range[n][k] for by_range in errors.values() for n in ranges)
    ]
    with _plot(len(errors), 1.5, len(ranges), below=0.28) as (figure, axes):
        for axis, name in zip(axes, ranges, strict=True):
            for i, (arm, by_range) in enumerate(errors.items()):
                at = np.arange(len(kinds)) + (i - (len(errors) - 1) / 2) * step
                axis.bar(
                    at,
                    [by_range[name][kind] for kind in kinds],
                    step * 0.9,
                    color=colour(i),
                    label=arm,
                )
            axis.set_title(
                "all sizes" if name == WHOLE else name.replace("_", " "), fontsize=10, loc="left"
            )
            axis.set_xticks(
                range(len(kinds)), [SHORT.get(kind, kind) for kind in kinds], fontsize=9
            )
            axis.grid(visible=False, axis="x")
            axis.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
            axis.set_ylabel("errors")
        figure.align_ylabels(axes)
        _legend(figure, axes[0])
        return _svg(figure, "errors", "Errors by type and object size for every arm")
