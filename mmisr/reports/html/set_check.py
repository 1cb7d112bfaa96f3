"""The page of a check of data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from mmengine import fileio
from PIL import Image

from mmisr.analysis.set_check.findings import SEVERITIES, Finding
from mmisr.analysis.set_check.near import NearDuplicate
from mmisr.analysis.set_check.result import NearSets, SetCheck, SetSummary
from mmisr.analysis.set_check.sizes import EDGES, ObjectSizes
from mmisr.datasets.images import read_rgb
from mmisr.evaluation.size_bins import PROTOCOLS
from mmisr.ops.files import write_text
from mmisr.reports.html import figures
from mmisr.reports.html.crops import SIDE, pack
from mmisr.reports.html.page import fill
from mmisr.reports.html.tables import Cell, Column, Table, number, word
from mmisr.version import __version__

PAIRS = 12
"""Near duplicates of two sets that are shown."""

SHIFTS = 100
"""Pairs of LR and HR of a set whose shifts are listed, the longest first."""

PAIR_BYTES = 60_000
"""Limit of the two pictures of one of them."""


@dataclass(frozen=True)
class ShownPair:
    """A near duplicate with its pictures.

    Args:
        name: File of the set that is tested on.
        like: File of the set that is trained on.
        bits: By how many bits of their hashes they differ.
        of_a: Picture of ``like``, as a ``data:`` address.
        of_b: Picture of ``name``, likewise.
    """

    name: str
    like: str
    bits: int
    of_a: str
    of_b: str


@dataclass(frozen=True)
class ShownSets:
    """The near duplicates of two sets.

    Args:
        heading: Which, and how many.
        shown: The most alike.
    """

    heading: str
    shown: Sequence[ShownPair]


def write_set_check(check: SetCheck, path: Path, title: str) -> None:
    """Write the page, whole or not at all.

    Args:
        check: What was found.
        path: The HTML file.
        title: Its heading.
    """
    pairs = None
    if any(summary.alignment for summary in check.sets):
        pairs = _pairs_table(check.sets)
    measured = [summary for summary in check.sets if summary.sizes and summary.sizes.count]
    text = fill(
        "set_check.html.jinja",
        title=title,
        version=__version__,
        sets=check.sets,
        scale=_scale(check.sets),
        decoded=check.decoded,
        counts=check.counts(),
        verdict=verdict(check),
        findings=check.findings,
        tables={
            "findings": _findings_table(check.findings) if check.findings else None,
            "sets": _sets_table(check.sets),
            "sizes": _sizes_table(measured) if measured else None,
            "pairs": pairs,
        },
        histogram=Markup(_histogram(measured)) if measured else "",
        near=[_shown(near) for near in check.near],
    )
    write_text(path, text)


def verdict(check: SetCheck) -> str:
    """What a reader needs to know first.

    Args:
        check: What was found.
    """
    counts = check.counts()
    parts = []
    for severity in SEVERITIES:
        count = counts[severity]
        plural = "" if count == 1 else "s"
        parts.append(f"{count} {severity}{plural}")
    told = ", ".join(parts)
    if counts["error"]:
        return f"{told}: mend the errors before anything is trained."
    if counts["warning"]:
        return f"{told}: these sets can be trained on; look at the warnings first."
    return f"{told}: nothing is wrong that this check knows of."


def _scale(sets: Sequence[SetSummary]) -> str:
    scales = {summary.sizes.scale for summary in sets if summary.sizes}
    return ", ".join(f"{scale:g}" for scale in sorted(scales)) or "1"


def _findings_table(findings: Sequence[Finding]) -> Table:
    columns = [Column(title) for title in ("finding", "severity", "set", "count")]
    rows = [
        [
            word(finding.text),
            Cell(finding.severity, str(SEVERITIES.index(finding.severity))),
            word(finding.set_name),
            number(finding.count, 0),
        ]
        for finding in findings
    ]
    return Table("findings", "Findings, the worst first", columns, rows)


def _sets_table(sets: Sequence[SetSummary]) -> Table:
    titles = ("set", "images", "annotations", "boxes by class", "pixels", "file")
    rows = [
        [
            word(summary.name),
            number(summary.images, 0),
            number(summary.annotations, 0),
            word(_listed(summary.boxes_by_class)),
            word(_listed(summary.kinds)),
            word(summary.ann_file),
        ]
        for summary in sets
    ]
    return Table("sets", "What the sets hold", [Column(title) for title in titles], rows)


def _listed(counts: object) -> str:
    items = dict(counts).items()  # type: ignore[call-overload]
    return "; ".join(f"{name}: {count}" for name, count in items)


def _sizes_table(sets: Sequence[SetSummary]) -> Table:
    columns = [Column("set"), Column("objects"), Column("smallest"), Column("median")]
    for protocol in PROTOCOLS.values():
        for name in protocol.bins:
            columns.append(Column(name.replace("_", " "), f"% {protocol.name}"))
    rows = []
    for summary in sets:
        sizes = summary.sizes
        if sizes is None:
            continue
        cells = [
            word(summary.name),
            number(sizes.count, 0),
            number(sizes.smallest, 1),
            number(sizes.median, 1),
        ]
        rows.append(cells + _share_cells(sizes))
    return Table("sizes", "Objects by size bin of the metric", columns, rows)


def _share_cells(sizes: ObjectSizes) -> list[Cell]:
    cells = []
    for bins in sizes.bins.values():
        for count in bins.values():
            share = 100 * count / sizes.count
            cells.append(number(share, 0))
    return cells


def _pairs_table(sets: Sequence[SetSummary]) -> Table:
    columns = [Column("image"), Column("set"), Column("right"), Column("down"), Column("response")]
    rows = []
    for summary in sets:
        if summary.alignment is None:
            continue
        worst = sorted(summary.alignment.shifts, key=lambda shift: -shift.length)
        for shift in worst[:SHIFTS]:
            shifted = [number(value, 2) for value in (shift.x, shift.y, shift.response)]
            rows.append([word(shift.name), word(summary.name), *shifted])
    return Table("pairs", "Shifts of the pairs in LR pixels, the longest first", columns, rows)


def _histogram(sets: Sequence[SetSummary]) -> str:
    shares = {}
    for summary in sets:
        sizes = summary.sizes
        if sizes is not None:
            shares[summary.name] = [100 * count / sizes.count for count in sizes.histogram]
    return figures.object_sizes(shares, [str(edge) for edge in EDGES])


def _shown(near: NearSets) -> ShownSets:
    shown = [_pictures(near, pair) for pair in near.pairs[:PAIRS]]
    count = len(near.pairs)
    heading = f"{count} images of {near.b} look like one of {near.a}"
    if count > PAIRS:
        heading += f"; the {PAIRS} most alike"
    return ShownSets(heading, shown)


def _pictures(near: NearSets, pair: NearDuplicate) -> ShownPair:
    pictures = {
        "a": _small(near.a_folder, pair.like),
        "b": _small(near.b_folder, pair.name),
    }
    packed = pack(pictures, PAIR_BYTES)
    return ShownPair(pair.name, pair.like, pair.bits, packed.uris["a"], packed.uris["b"])


def _small(folder: str, name: str) -> Image.Image:
    path = fileio.join_path(folder, name)
    picture = Image.fromarray(read_rgb(path))
    picture.thumbnail((SIDE, SIDE))
    return picture
