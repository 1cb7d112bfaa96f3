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
CORRELATION_HEADER = ("criterion", "region", *COEFFICIENTS)
DASH = "-"


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
        scores = [_fixed(method.scores[name], 3) for name in SCORES]
        criteria = [_fixed(method.criteria[name], _digits(name)) for name in _criteria(found)]
        rows.append([method.arm, *scores, *criteria])
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
        if (entry.across, entry.score) != (across, score):
            continue
        key = (entry.criterion, entry.region)
        cells = rows.setdefault(key, [entry.criterion, REGION_TITLES[entry.region]])
        cells.append(told(entry))
    return list(rows.values())


def told(entry: Correlation) -> str:
    """A coefficient and its interval, or a dash."""
    if entry.value is None:
        return DASH
    text = f"{entry.value:+.2f}"
    if entry.lo is None or entry.hi is None:
        return text
    return f"{text} [{entry.lo:+.2f}, {entry.hi:+.2f}]"


def remarks(found: QualityAgainstAP) -> list[str]:
    """What is absent, and why; each reason once."""
    lines = []
    for reason in dict.fromkeys(entry.reason for entry in found.correlations if entry.reason):
        names = []
        for entry in found.correlations:
            if entry.reason == reason:
                names.append(f"{entry.criterion} {REGION_TITLES[entry.region]}")
        listed = ", ".join(dict.fromkeys(names))
        lines.append(f"No coefficient ({reason}): {listed}.")
    reasons: dict[str, list[str]] = {}
    for method in found.methods:
        for reason, count in method.reasons.items():
            reasons.setdefault(f"{reason} ({count} images)", []).append(method.arm)
    for reason, arms in reasons.items():
        lines.append(f"No value of {reason}: {', '.join(arms)}.")
    if "vif" not in found.criteria:
        lines.append("VIF is left out: pip install torchmetrics==1.9.0.")
    return lines


def conclusion(found: QualityAgainstAP) -> list[str]:
    """Which criterion goes best with AP across methods, by Spearman, and how sure that is."""
    lines = []
    for score in SCORES:
        known = [
            entry
            for entry in found.correlations
            if (entry.across, entry.score, entry.coefficient) == ("methods", score, "spearman")
            and entry.value is not None
        ]
        if not known:
            continue
        known.sort(key=lambda entry: entry.value or 0.0)
        best = known[-1]
        worst = known[0]
        lines.append(
            f"Across {best.points} methods {_named(best)} goes best with {SCORE_TITLES[score]} "
            f"(Spearman {told(best)}), {_named(worst)} worst ({told(worst)})."
        )
    return lines


def _named(entry: Correlation) -> str:
    return f"{entry.criterion.upper()} {REGION_TITLES[entry.region]}"


def markdown_page(found: QualityAgainstAP, title: str) -> str:
    """The page ``quality_against_ap.md``.

    Args:
        found: What was found.
        title: Its heading.
    """
    parts = [f"# {title}", ""]
    parts += [f"- {line}" for line in (*conclusion(found), *remarks(found))]
    parts += ["", *_table(method_header(found), method_rows(found)), ""]
    for across, heading in ACROSS.items():
        parts += [f"## {heading}", ""]
        for score in SCORES:
            rows = correlation_rows(found, across, score)
            parts += [f"### {SCORE_TITLES[score]}", "", *_table(CORRELATION_HEADER, rows), ""]
        parts += [f"![{heading}](quality_across_{across}.png)", ""]
    parts.append(
        f"{found.num_images} images; intervals: 95 % of {found.replicates} draws of the images, "
        f"seed {found.seed}. An object is small up to {found.small_side:g} pixels in the frame of "
        "the size bins. HR is the reference, and no point."
    )
    return "\n".join(parts) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = "|---" + "|---:" * (len(header) - 1) + "|"
    return [markdown_row(list(header)), rule, *(markdown_row(list(row)) for row in rows)]


def _criteria(found: QualityAgainstAP) -> list[str]:
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
    figure = Figure(figsize=(2.6 * columns, 2.5 * len(REGIONS) + 1.1), layout="constrained")
    axes = figure.subplots(len(REGIONS), columns, squeeze=False)
    points = [method for method in found.methods if method.is_point]
    for row, region in enumerate(REGIONS):
        for column, criterion in enumerate(found.criteria):
            axis = axes[row, column]
            name = f"{criterion}_{region}"
            _scatter(axis, points, name, across)
            axis.set_xlabel(f"{UNITS[criterion]}, {REGION_TITLES[region]}", fontsize="small")
            axis.grid(alpha=0.3)
        axes[row, 0].set_ylabel("AP of the data set" if across == "methods" else "AP of an image")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, fontsize="small")
    write_whole(path, partial(figure.savefig, dpi=DPI))


def _scatter(axis: Axes, methods: Sequence[Method], name: str, across: str) -> None:
    for index, method in enumerate(methods):
        entries: Sequence[Mapping[str, float | None]] = method.images
        if across == "methods":
            entries = [{**method.criteria, **method.scores}]
        pairs = [(entry[name], entry["AP"]) for entry in entries]
        known = [pair for pair in pairs if None not in pair]
        x = [pair[0] for pair in known]
        y = [pair[1] for pair in known]
        size = 40 if across == "methods" else 10
        marker = "osD^vPX*"[index % 8]
        axis.scatter(x, y, s=size, marker=marker, color=f"C{index % 10}", label=method.arm)
