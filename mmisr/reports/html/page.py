"""The report: one HTML file that holds everything it shows and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mmisr.analysis.comparison.figures import Meta
from mmisr.analysis.comparison.per_image import ImageGain
from mmisr.analysis.comparison.result import Comparison
from mmisr.analysis.quality_against_ap.result import QualityAgainstAP
from mmisr.evaluation.size_bins import WHOLE
from mmisr.ops.files import write_text
from mmisr.reports.html import figures, tables
from mmisr.reports.html.changes import change_crops, change_table, list_changes
from mmisr.reports.html.findings import Findings, find
from mmisr.reports.html.gallery import make_gallery
from mmisr.reports.html.quality import quality_section
from mmisr.reports.html.words import caveats, how_counted, how_judged, statements

TEMPLATES = Path(__file__).parent / "templates"
TITLE = "Super-resolution in front of a detector"

OPENED = 4
"""Images of each kind that are seen at once; the others are one click away."""


def write_report(
    comparison: Comparison,
    path: str | Path,
    title: str = TITLE,
    pair: tuple[str, str] | None = None,
    score_thr: float | None = None,
    quality: QualityAgainstAP | None = None,
) -> Path:
    """Write the report of a comparison, whole or not at all.

    Args:
        comparison: A finished comparison; its pictures are read from its folder.
        path: The HTML file to write.
        title: The heading of the page.
        pair: Names of the arm under test and of the arm it is compared with image by image; by
            default the editor and bicubic, see :func:`mmisr.reports.html.findings.choose_pair`.
        score_thr: Detections from this score on are counted and drawn; None for each arm's own, at
            its best F1.
        quality: How image quality goes with AP in it; None where that was not looked at.

    Returns:
        The file.

    Raises:
        ValueError: ``pair`` names no two arms, or ``score_thr`` is not in 0..1.

    Example:
        >>> from mmisr.analysis.comparison.result import Comparison
        >>> comparison = Comparison.load("work_dirs/demo")  # doctest: +SKIP
        >>> write_report(comparison, "report.html")  # doctest: +SKIP
    """
    if score_thr is not None and not 0 <= score_thr <= 1:
        raise ValueError(f"score_thr must be in 0..1, or None for each arm's own, got {score_thr}")
    path = Path(path)
    text = render(comparison, find(comparison, pair, score_thr), title, quality)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def render(
    comparison: Comparison,
    findings: Findings,
    title: str,
    quality: QualityAgainstAP | None = None,
) -> str:
    """The page as text. Everything that comes from a file is escaped by the template engine."""
    gallery = make_gallery(comparison, findings)
    changed = list_changes(comparison, findings)
    plots = {name: Markup(svg) for name, svg in _plots(comparison, findings).items()}
    return fill(
        "page.html.jinja",
        title=title,
        comparison=comparison,
        findings=findings,
        statements=statements(comparison, findings.pair),
        caveats=caveats(comparison),
        counted=how_counted(comparison.meta.metric),
        judged=how_judged(comparison),
        gallery=gallery,
        hidden_arms=[name for name in comparison.arms if name not in gallery.arms],
        opened=OPENED,
        moves=_moves(findings.gains),
        has_cores=_has_cores(comparison),
        change_table=change_table(comparison, changed),
        change_crops=change_crops(comparison, findings, changed),
        plots=plots,
        tables=_tables(comparison, findings),
        quality=None if quality is None else quality_section(quality),
        facts=_made_with(comparison.meta),
    )


def fill(template: str, **values: Any) -> str:
    """A page with its style and its script; everything that comes from a file is escaped.

    Args:
        template: Its file in ``templates``.
        **values: What the template asks for.
    """
    script = _template("page.js")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    return environment.get_template(template).render(
        style=Markup(_template("page.css")),
        script=Markup(script),
        script_hash=_digest(script),
        **values,
    )


def _template(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    """What the page's content security policy knows its own script by."""
    digest = hashlib.sha256(script.encode()).digest()
    return base64.b64encode(digest).decode()


def _breakable(text: str) -> Markup:
    """A name that may be broken where a reader would break it."""
    return escape(text).replace("_", Markup("_<wbr>")).replace("/", Markup("/<wbr>"))


def _has_cores(comparison: Comparison) -> bool:
    """Whether an arm searches in windows."""
    images = [run.images[0] for run in comparison.runs.values() if run.images]
    return any(image.cores is not None for image in images)


def _moves(gains: Sequence[ImageGain]) -> dict[str, int]:
    """How many images go which way."""
    counts = {"up": 0, "down": 0, "same": 0, "none": 0}
    for gain in gains:
        if gain.gain is None:
            counts["none"] += 1
        elif gain.gain > 0:
            counts["up"] += 1
        elif gain.gain < 0:
            counts["down"] += 1
        else:
            counts["same"] += 1
    return counts


def _plots(comparison: Comparison, findings: Findings) -> dict[str, str]:
    """SVG by name; a plot without data is not there, and the page says so."""
    arms = comparison.arms
    is_timed = all(of_arm.ms for of_arm in arms.values())
    ap = {name: of_arm.AP for name, of_arm in arms.items()}
    in_box = {name: of_arm.psnr["in_box"] for name, of_arm in arms.items()}
    counts = {name: of_bin.count for name, of_bin in next(iter(arms.values())).bins.items()}
    plots = {}
    if _any_known(ap.values()):
        plots["size"] = figures.ap_by_size(arms, counts, "AP")
        plots["size50"] = figures.ap_by_size(arms, counts, "AP50")
        for title, curves in findings.curves.items():
            plots[title] = figures.precision_recall(curves, title)
        if is_timed:
            plots["ap_time"] = figures.over_time(arms, "AP", "AP", ap)
    if _any_known(in_box.values()) and is_timed:
        plots["psnr_time"] = figures.over_time(arms, "psnr_in_box", "PSNR in boxes, dB", in_box)
    if findings.pair and _any_known(gain.gain for gain in findings.gains):
        plots["gains"] = figures.image_gains(findings.gains)
    ranges = [name for name in (WHOLE, *counts) if _has_errors(findings, name)]
    if ranges:
        plots["errors"] = figures.error_types(findings.errors, ranges)
    return plots


def _any_known(values: Iterable[float | None]) -> bool:
    return any(value is not None for value in values)


def _has_errors(findings: Findings, range_name: str) -> bool:
    return any(any(by_range[range_name].values()) for by_range in findings.errors.values())


def _tables(comparison: Comparison, findings: Findings) -> dict[str, tables.Table | None]:
    """Tables by name; None where there is nothing to tabulate."""
    pair = findings.pair
    images = differences = None
    if pair is not None:
        images = tables.image_table(findings.gains, comparison.images, pair.a, pair.b)
    if comparison.differences:
        differences = tables.difference_table(comparison.differences)
    return {
        "figures": tables.main_table(comparison),
        "routing": tables.routing_table(comparison),
        "recall": tables.recall_table(comparison),
        "errors": tables.error_table(findings.errors, findings.scores),
        "images": images,
        "differences": differences,
        "stages": tables.stage_table(comparison),
    }


def _made_with(meta: Meta) -> dict[str, str]:
    """What the numbers were made with, as text; the config has a place of its own."""
    content = asdict(meta)
    del content["config_text"], content["folders"]
    return {name: _plain(value) for name, value in content.items()}


def _plain(value: Any) -> str:
    """Nested data as one line."""
    if isinstance(value, Mapping):
        entries = [f"{name}: {_plain(entry)}" for name, entry in value.items()]
        return "; ".join(entries)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
