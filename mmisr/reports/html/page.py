"""The report: one HTML file that holds everything it shows and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mmisr.analysis.comparison.per_image import ImageGain
from mmisr.analysis.comparison.result import Comparison
from mmisr.evaluation.size_bins import WHOLE
from mmisr.ops.files import write_text
from mmisr.reports.html import figures, tables
from mmisr.reports.html.findings import Findings, find
from mmisr.reports.html.gallery import make_gallery
from mmisr.reports.html.words import caveats, statements

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
) -> Path:
    """Write the report of a comparison, whole or not at all.

    Args:
        comparison: A finished comparison; its pictures are read from its folder.
        path: The HTML file to write.
        title: Its heading.
        pair: Names of the arm under test and of the arm it is compared with image by image; by
            default the editor and bicubic, see :func:`mmisr.reports.html.findings.choose_pair`.
        score_thr: Detections from this score on are counted and drawn; None for each arm's own, at
            its best F1.

    Returns:
        The file.

    Raises:
        ValueError: ``pair`` names no two arms, or ``score_thr`` is not in 0..1.

    Example:
        >>> from mmisr.analysis.comparison.result import Comparison
        >>> write_report(Comparison.load("work_dirs/demo"), "report.html")             # doctest: +SKIP
    """
    if score_thr is not None and not 0 <= score_thr <= 1:
        raise ValueError(f"score_thr must be in 0..1, or None for each arm's own, got {score_thr}")
    path = Path(path)
    text = render(comparison, find(comparison, pair, score_thr), title)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def render(comparison: Comparison, findings: Findings, title: str) -> str:
    """The page as text. Everything that comes from a file is escaped by the template engine."""
    gallery = make_gallery(comparison, findings)
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    return environment.get_template("page.html.jinja").render(
        title=title,
        style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        comparison=comparison,
        findings=findings,
        statements=statements(comparison, findings.pair),
        caveats=caveats(comparison),
        gallery=gallery,
        hidden_arms=[name for name in comparison.arms if name not in gallery.arms],
        opened=OPENED,
        moves=_moves(findings.gains),
        plots={name: Markup(svg) for name, svg in _plots(comparison, findings).items()},
        tables=_tables(comparison, findings),
        facts=_facts(comparison.meta),
    )


def _breakable(text: str) -> Markup:
    """A name that may be broken where a reader would break it."""
    return escape(text).replace("_", Markup("_<wbr>")).replace("/", Markup("/<wbr>"))


def _moves(gains: Sequence[ImageGain]) -> dict[str, int]:
    """How many images go which way."""
    values = [g.gain for g in gains]
    known = [v for v in values if v is not None]
    up, down = sum(v > 0 for v in known), sum(v < 0 for v in known)
    return {
        "up": up,
        "down": down,
        "same": len(known) - up - down,
        "none": len(values) - len(known),
    }


def _plots(comparison: Comparison, findings: Findings) -> dict[str, str]:
    """SVG by name; a plot without data is not there, and the page says so."""
    arms, plots = comparison.arms, dict[str, str]()
    counts = {name: b["count"] for name, b in next(iter(arms.values()))["bins"].items()}
    ap = {name: f["AP"] for name, f in arms.items()}
    in_box = {name: f["psnr"]["in_box"] for name, f in arms.items()}
    if any(v is not None for v in ap.values()):
        plots["size"], plots["size50"] = (
            figures.ap_by_size(arms, counts, kind) for kind in ("AP", "AP50")
        )
        plots |= {
            title: figures.precision_recall(by_arm, title)
            for title, by_arm in findings.curves.items()
        }
        if all(f["ms"] for f in arms.values()):
            plots["ap_time"] = figures.over_time(arms, "AP", "AP", ap)
    if any(v is not None for v in in_box.values()) and all(f["ms"] for f in arms.values()):
        plots["psnr_time"] = figures.over_time(arms, "psnr_in_box", "PSNR in boxes, dB", in_box)
    if findings.pair and any(g.gain is not None for g in findings.gains):
        plots["gains"] = figures.image_gains(findings.gains)
    ranges = [
        n for n in (WHOLE, *counts) if any(sum(e[n].values()) for e in findings.errors.values())
    ]
    if ranges:
        plots["errors"] = figures.error_types(findings.errors, ranges)
    return plots


def _tables(comparison: Comparison, findings: Findings) -> dict[str, tables.Table | None]:
    pair = findings.pair
    return {
        "figures": tables.main_table(comparison),
        "routing": tables.routing_table(comparison),
        "errors": tables.error_table(findings.errors, findings.scores),
        "images": tables.image_table(findings.gains, comparison.images, pair.a, pair.b)
        if pair
        else None,
        "differences": tables.difference_table(comparison.differences)
        if comparison.differences
        else None,
        "stages": tables.stage_table(comparison),
    }


def _facts(meta: Mapping[str, Any]) -> dict[str, str]:
    """What the numbers were made with, as text; the config has a place of its own."""
    return {k: _plain(v) for k, v in meta.items() if k not in ("config_text", "folders")}


def _plain(value: Any) -> str:
    """Nested data as one line."""
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {_plain(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
