"""The section of the page on image quality against AP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmisr.analysis.quality_against_ap.correlation import COEFFICIENTS
from mmisr.analysis.quality_against_ap.result import Correlation, Method, QualityAgainstAP
from mmisr.analysis.quality_against_ap.scores import SCORES
from mmisr.reports.html.tables import Cell, Column, Table, number, word
from mmisr.reports.quality_against_ap import (
    ACROSS,
    REFERENCE,
    REGION_TITLES,
    SCORE_TITLES,
    conclusion,
    named,
    remarks,
)


@dataclass(frozen=True)
class QualitySection:
    """What the section shows.

    Args:
        lines: Sentences.
        methods: Scores and mean criteria by method.
        correlations: A table across methods and one across images.
        caveat: How the numbers were made.
    """

    lines: list[str]
    methods: Table
    correlations: list[Table]
    caveat: str


def quality_section(found: QualityAgainstAP) -> QualitySection:
    """Make the section.

    Args:
        found: What was found.
    """
    return QualitySection(
        lines=conclusion(found),
        methods=_methods(found),
        correlations=[_correlations(found, across) for across in ACROSS],
        caveat=" ".join(
            [
                REFERENCE,
                "Intervals draw images anew, not methods: they say nothing of methods that are not "
                f"here. Recall is of objects up to {found.small_side:g} pixels.",
                *remarks(found),
            ]
        ),
    )


def _methods(found: QualityAgainstAP) -> Table:
    columns = [Column("method")]
    for score in SCORES:
        column = Column(SCORE_TITLES[score])
        columns.append(column)
    names = []
    for criterion in found.criteria:
        for region, title in REGION_TITLES.items():
            column = Column(criterion.upper(), title)
            columns.append(column)
            names.append(f"{criterion}_{region}")
    rows = []
    for method in found.methods:
        row = _method_row(method, names)
        rows.append(row)
    return Table(
        name="quality-methods",
        caption="Scores and mean criteria by method",
        columns=columns,
        rows=rows,
    )


def _method_row(method: Method, names: Sequence[str]) -> list[Cell]:
    scores = [number(method.scores[name], 3) for name in SCORES]
    why = "; ".join(method.reasons)
    criteria = [number(method.criteria[name], 3, why=why) for name in names]
    return [word(method.arm), *scores, *criteria]


def _correlations(found: QualityAgainstAP, across: str) -> Table:
    columns = [Column("criterion")]
    for score in SCORES:
        for coefficient in COEFFICIENTS:
            column = Column(coefficient, SCORE_TITLES[score])
            columns.append(column)
    rows: dict[str, list[Cell]] = {}
    for entry in found.correlations:
        if entry.across != across:
            continue
        name = named(entry)
        row = rows.setdefault(name, [word(name)])
        cell = _cell(entry)
        row.append(cell)
    return Table(
        name=f"quality-{across}",
        caption=ACROSS[across],
        columns=columns,
        rows=list(rows.values()),
    )


def _cell(entry: Correlation) -> Cell:
    has_span = entry.lo is not None and entry.hi is not None
    span = [entry.lo or 0.0, entry.hi or 0.0] if has_span else None
    return number(entry.value, 2, span, entry.reason)
