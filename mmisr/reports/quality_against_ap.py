"""Quality against AP, as tables, a page and scatter plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmisr.analysis.quality_against_ap.correlation import COEFFICIENTS
from mmisr.analysis.quality_against_ap.criteria import REGIONS
from mmisr.analysis.quality_against_ap.result import Correlation, Method, QualityAgainstAP
from mmisr.analysis.quality_against_ap.scores import SCORES
from mmisr.ops.files import write_whole
from mmisr.reports.plots import DPI
from mmisr.reports.table import markdown_row

ACROSS = {
    "methods": "Across methods: one point a method, means over the images",
    "images": "Across images: over the images of each method, the mean of the methods",
}
REGION_TITLES = {"whole": "whole image", "in_box": "in boxes"}
SCORE_TITLES = {"AP": "AP", "recall_small": "recall of small objects"}
UNITS = {"psnr": "PSNR, dB", "ssim": "SSIM", "ifc": "IFC", "nqm": "NQM, dB", "vif": "VIF"}
Y_LABELS = {"methods": "AP of the data set", "images": "AP of an image"}
AREAS = {"methods": 40, "images": 10}
"""Of the points, in squared points of print."""
MARKERS = "osD^vPX*"
CORRELATION_HEADER = ("criterion", "region", *COEFFICIENTS)
DASH = "-"
REFERENCE = (
    "HR is the reference of every criterion, and no point: its PSNR and NQM are infinite, and "
    "shown as a dash."
)


def method_header(found: QualityAgainstAP) -> list[str]:
    """Titles of the table of methods."""
    return ["method", *SCORES, *_criteria(found)]


def method_rows(found: QualityAgainstAP) -> list[list[str]]:
    """One row per method, with its scores and mean criteria.

    Args:
        found: What was found.
    """
    rows = []
    for method in found.methods:
        cells = [method.arm]
        figures = {**method.scores, **method.criteria}
        for name in (*SCORES, *_criteria(found)):
            digits = _digits(name)
            cell = _fixed(figures[name], digits)
            cells.append(cell)
        rows.append(cells)
    return rows


def correlation_rows(found: QualityAgainstAP, across: str, score: str) -> list[list[str]]:
    """One row per criterion and region: cells of :data:`CORRELATION_HEADER`.

    Args:
        found: What was found.
        across: ``methods`` or ``images``.
        score: ``AP`` or ``recall_small``.
    """
    rows: dict[tuple[str, str], list[str]] = {}
    for entry in found.correlations:
        if entry.across != across or entry.score != score:
            continue
        key = (entry.criterion, entry.region)
        title = REGION_TITLES[entry.region]
        cells = rows.setdefault(key, [entry.criterion, title])
        text = told(entry)
        cells.append(text)
    return list(rows.values())


def told(entry: Correlation) -> str:
    """A coefficient and its interval, or a dash."""
    if entry.value is None:
        return DASH
    text = f"{entry.value:+.2f}"
    low = entry.lo
    high = entry.hi
    if low is None or high is None:
        return text
    return f"{text} [{low:+.2f}, {high:+.2f}]"


def remarks(found: QualityAgainstAP) -> list[str]:
    """What is absent, and why; each reason once."""
    of_coefficients: dict[str, dict[str, None]] = {}
    for entry in found.correlations:
        if entry.reason:
            names = of_coefficients.setdefault(entry.reason, {})
            names[named(entry)] = None
    of_values: dict[str, dict[str, None]] = {}
    for method in found.methods:
        for reason, count in method.reasons.items():
            names = of_values.setdefault(f"{reason} ({count} images)", {})
            names[method.arm] = None
    lines = []
    for reason, names in of_coefficients.items():
        listed = ", ".join(names)
        lines.append(f"No coefficient ({reason}): {listed}.")
    for reason, names in of_values.items():
        listed = ", ".join(names)
        lines.append(f"No value of {reason}: {listed}.")
    if found.left_out:
        counts = [f"{name} ({count} images)" for name, count in found.left_out.items()]
        listed = ", ".join(counts)
        lines.append(f"Means leave out images where not every method has a finite value: {listed}.")
    if "vif" not in found.criteria:
        lines.append("VIF is left out: pip install torchmetrics==1.9.0.")
    return lines


def conclusion(found: QualityAgainstAP) -> list[str]:
    """Which criterion goes best with AP across methods, by Spearman, and how sure that is."""
    lines = []
    for score in SCORES:
        known = []
        wanted = ("methods", score, "spearman")
        for entry in found.correlations:
            question = (entry.across, entry.score, entry.coefficient)
            if question == wanted and entry.value is not None:
                known.append(entry)
        if not known:
            continue
        known.sort(key=lambda entry: entry.value or 0.0)
        best = known[-1]
        worst = known[0]
        sentence = (
            f"Across {best.points} methods {named(best)} goes best with {SCORE_TITLES[score]} "
            f"(Spearman {told(best)})"
        )
        if len(known) > 1:
            sentence += f", {named(worst)} worst ({told(worst)})"
        lines.append(f"{sentence}.")
    return lines


def named(entry: Correlation) -> str:
    """The criterion and the region in words."""
    return f"{entry.criterion.upper()} {REGION_TITLES[entry.region]}"


def markdown_page(found: QualityAgainstAP, title: str) -> str:
    """The page ``quality_against_ap.md``.

    Args:
        found: What was found.
        title: Its heading.
    """
    parts = [f"# {title}", ""]
    for line in (*conclusion(found), *remarks(found)):
        parts.append(f"- {line}")
    methods = _table(method_header(found), method_rows(found))
    parts += ["", *methods, ""]
    for across, heading in ACROSS.items():
        parts += [f"## {heading}", ""]
        for score, score_title in SCORE_TITLES.items():
            rows = correlation_rows(found, across, score)
            table = _table(CORRELATION_HEADER, rows)
            parts += [f"### {score_title}", "", *table, ""]
        picture = f"quality_across_{across}.png"
        parts += [f"![{heading}]({picture})", ""]
    parts.append(
        f"{found.num_images} images; intervals: 95 % of {found.replicates} draws of the images, "
        f"seed {found.seed}. An object is small up to {found.small_side:g} pixels in the frame of "
        f"the size bins. {REFERENCE}"
    )
    return "\n".join(parts) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = "|---" + "|---:" * (len(header) - 1) + "|"
    return [markdown_row(list(header)), rule, *(markdown_row(list(row)) for row in rows)]


def _criteria(found: QualityAgainstAP) -> list[str]:
    """Criteria by region: whole, then in the boxes."""
    return [f"{criterion}_{region}" for criterion in found.criteria for region in REGIONS]


def _digits(name: str) -> int:
    return 2 if name.startswith(("psnr", "nqm")) else 3


def _fixed(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:.{digits}f}"


def plot_quality(found: QualityAgainstAP, across: str, path: Path) -> None:
    """AP over every criterion: a row for each region, a column for each criterion.

    Args:
        found: What was found.
        across: ``methods``, a point each; or ``images``, a point for each image and method.
        path: PNG to write.
    """
    columns = len(found.criteria)
    rows = len(REGIONS)
    size = (2.6 * columns, 2.5 * rows + 1.1)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    points = [method for method in found.methods if method.is_point]
    for row, region in enumerate(REGIONS):
        title = REGION_TITLES[region]
        for column, criterion in enumerate(found.criteria):
            axis = axes[row, column]
            _scatter(axis, points, f"{criterion}_{region}", across)
            label = f"{UNITS[criterion]}, {title}"
            axis.set_xlabel(label, fontsize="small")
            axis.grid(alpha=0.3)
        first = axes[row, 0]
        first.set_ylabel(Y_LABELS[across])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=6,
        fontsize="small",
    )
    write_whole(path, partial(figure.savefig, dpi=DPI))


def _scatter(axis: Axes, methods: Sequence[Method], name: str, across: str) -> None:
    for index, method in enumerate(methods):
        entries: Sequence[Mapping[str, float | None]] = method.images
        if across == "methods":
            whole = {**method.criteria, **method.scores}
            entries = [whole]
        x: list[float] = []
        y: list[float] = []
        for entry in entries:
            criterion = entry[name]
            ap = entry["AP"]
            if criterion is not None and ap is not None:
                x.append(criterion)
                y.append(ap)
        axis.scatter(
            x,
            y,
            s=AREAS[across],
            marker=MARKERS[index % len(MARKERS)],
            color=f"C{index % 10}",
            label=method.arm,
        )
