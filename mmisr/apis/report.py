"""What ``tools/report.py`` does: the page of a comparison that was run before."""

from __future__ import annotations

from pathlib import Path

from mmisr.analysis.comparison.result import Comparison
from mmisr.analysis.quality_against_ap.result import QualityAgainstAP
from mmisr.reports.html.page import write_report

REPORT = "report.html"


def report(
    folder: str | Path,
    title: str | None = None,
    pair: tuple[str, str] | None = None,
    score_thr: float | None = None,
) -> Path:
    """Make the report of a finished comparison; nothing is run again.

    Args:
        folder: What ``tools/compare.py --out`` wrote; the page goes into it.
        title: Heading of the page; the name of the config by default.
        pair: The arm under test and the arm it is compared with image by image; the editor and
            bicubic by default.
        score_thr: Detections from this score on are counted and drawn; by default each arm's own,
            at its best F1.

    Returns:
        ``report.html``.

    Raises:
        FileNotFoundError: There is no finished comparison in the folder.
        ValueError: ``pair`` names no two of its arms, or ``score_thr`` is not in 0..1.

    Example:
        >>> from mmisr.apis.report import report
        >>> report("work_dirs/demo", pair=("hr", "bicubic"))  # doctest: +SKIP
    """
    comparison = Comparison.load(folder)
    heading = title or Path(comparison.meta.config or "comparison").stem
    path = Path(folder) / REPORT
    quality = QualityAgainstAP.load(path.parent)
    if quality is not None and not quality.is_of(comparison.meta):
        quality = None
    return write_report(
        comparison,
        path,
        heading,
        pair,
        score_thr,
        quality,
    )
