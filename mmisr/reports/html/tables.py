"""The tables of the page.

Every cell with what is shown, what it is sorted by, and what is said about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmisr.analysis.comparison.figures import ArmFigures
from mmisr.analysis.comparison.per_image import ImageGain
from mmisr.analysis.comparison.result import Comparison, Difference, ImageRow
from mmisr.evaluation.functional.error_types import ERROR_TYPES
from mmisr.evaluation.functional.region_quality import REGIONS
from mmisr.evaluation.size_bins import WHOLE

ABSENT = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
REGION_TITLES = {"whole": "whole", "in_box": "in boxes", "out_box": "outside"}
NO_PIXELS = "nothing to compare: the image has another size than HR, or is HR itself"
NO_BASELINE = "there is no bicubic arm to compare with"
NO_ROUTING = "nothing is routed here: all of the image is treated alike"
NO_OBJECTS = "no object of this size is annotated"
NO_MEMORY = "not measured: the arms were not timed, or the system does not tell"


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        text: What is shown.
        value: What its column is sorted by; None sorts last.
        note: A second, smaller line; empty for none.
        title: Why there is nothing to show; empty where there is.
    """

    text: str
    value: float | str | None
    note: str = ""
    title: str = ""


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Args:
        title: Text.
        note: A second, smaller line.
    """

    title: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows.

    Args:
        name: For links and for tests.
        caption: What it shows.
        columns: Heads.
        rows: Cells, in each row as many as there are columns.
    """

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


SEGM_TITLES = ("AP", "AP50", "AP75")
"""Figures of masks over objects of all sizes that have a column."""

AREA_COLUMN = Column("area", "% searched")


def number(
    value: float | None, digits: int, span: Sequence[float] | None = None, why: str = ""
) -> Cell:
    """A cell with a number, and its interval below it; an en dash where there is none.

    Args:
        value: The number; None where it does not exist.
        digits: Its decimals.
        span: Both ends of its interval; None for none.
        why: Why there is no number.
    """
    if value is None:
        return Cell(ABSENT, None, title=why or "this figure does not exist here")
    text = fixed(value, digits)
    if span is None:
        return Cell(text, value)
    low, high = (fixed(end, digits) for end in span)
    return Cell(text, value, note=f"{low} to {high}")


def fixed(value: float, digits: int, sign: bool = False) -> str:
    """A number in so many decimals, with a minus sign that is one."""
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    return text.replace("-", MINUS)


def word(text: str) -> Cell:
    """A cell with a word, or a name from a file."""
    return Cell(text, text)


QUALITY_DIGITS = {"psnr": 2, "ssim": 3}


def main_table(comparison: Comparison) -> Table:
    """Every arm with its figures and their intervals."""
    first = next(iter(comparison.arms.values()))
    bins = {name: of_bin.count for name, of_bin in first.bins.items() if of_bin.count}
    bin_names = list(bins)
    is_routed = any(_is_routed(figures) for figures in comparison.arms.values())
    rows = []
    for name, figures in comparison.arms.items():
        reach = _reach_cells(figures, (WHOLE,)) if is_routed else ()
        cells = [
            word(name),
            *_detection_cells(figures, bin_names),
            *_mask_cells(figures, bin_names),
            *_quality_cells(figures),
            *reach,
            *_cost_cells(figures),
        ]
        rows.append(cells)
    caption = (
        f"Every arm on the same {len(comparison.images)} images; below a figure its 95 % interval"
    )
    columns = _main_columns(bins, is_routed, first)
    return Table("figures", caption, columns, rows)


def _main_columns(bins: Mapping[str, int], is_routed: bool, arm: ArmFigures) -> list[Column]:
    detection = [Column(title) for title in ("arm", *_titles(arm))]
    by_size = [Column(_sized(name), f"{count} objects") for name, count in bins.items()]
    masks = [Column(title, "masks") for title in (*SEGM_TITLES, *map(_sized, bins))]
    psnr = [Column("PSNR", f"{REGION_TITLES[region]}, dB") for region in REGIONS]
    ssim = [Column("SSIM", REGION_TITLES[region]) for region in REGIONS]
    reach = [Column("recall", "% of objects"), AREA_COLUMN] if is_routed else []
    return [
        *detection,
        *by_size,
        *(masks if arm.segm else ()),
        *psnr,
        *ssim,
        *reach,
        Column("new false positives", "an image"),
        Column("ms", "SR"),
        Column("ms", "together"),
        Column("GMAC", "SR"),
        Column("GMAC", "together"),
    ]


def _titles(figures: ArmFigures) -> list[str]:
    """Figures over objects of all sizes that have a column."""
    return ["AP", *figures.at_25, "AP50", "AP75", "AR"]


def _detection_cells(figures: ArmFigures, bins: Sequence[str]) -> list[Cell]:
    spans = figures.intervals
    cells = []
    known = {**vars(figures), **figures.extra}
    for title in _titles(figures):
        value = known[title]
        span = spans.get(title)
        cells.append(number(value, 3, span))
    for name in bins:
        of_bin = figures.bins[name]
        span = spans.get(f"AP_{name}")
        cells.append(number(of_bin.AP, 3, span))
    return cells


def _mask_cells(figures: ArmFigures, bins: Sequence[str]) -> list[Cell]:
    """AP of masks; nothing where masks are not measured."""
    if not figures.segm:
        return []
    cells = []
    by_size = [f"AP_{name}" for name in bins]
    for name in (*SEGM_TITLES, *by_size):
        span = figures.intervals.get(f"segm_{name}")
        cell = number(figures.segm[name], 3, span)
        cells.append(cell)
    return cells


def _sized(bin_name: str) -> str:
    """The title of AP of one bin."""
    return f"AP {_spaced(bin_name)}"


def _quality_cells(figures: ArmFigures) -> list[Cell]:
    cells = []
    for kind, digits in QUALITY_DIGITS.items():
        by_region = getattr(figures, kind)
        for region in REGIONS:
            value = by_region[region]
            span = figures.intervals.get(f"{kind}_{region}")
            cell = number(value, digits, span, NO_PIXELS)
            cells.append(cell)
    return cells


def _cost_cells(figures: ArmFigures) -> list[Cell]:
    """New false positives, milliseconds and multiply-accumulates."""
    spans = figures.intervals
    new = number(figures.new_false_positives, 2, spans.get("new_false_positives"), NO_BASELINE)
    sr_ms = figures.ms.get("upscale")
    sr_macs = figures.macs_by_stage.get("upscale")
    together = sum(figures.ms.values()) if figures.ms else None
    return [
        new,
        number(sr_ms, 1, spans.get("ms_upscale")),
        number(together, 1, spans.get("ms")),
        number(_giga(sr_macs), 2),
        number(_giga(figures.macs), 2),
    ]


def _is_routed(figures: ArmFigures) -> bool:
    return figures.searched_area is not None


def _reach_cells(figures: ArmFigures, ranges: Sequence[str]) -> list[Cell]:
    """Percent of the objects that are searched, by range of sizes, and percent of the area."""
    why = NO_OBJECTS if _is_routed(figures) else NO_ROUTING
    cells = []
    for name in ranges:
        recall = figures.object_recall.get(name)
        cells.append(number(_percent(recall), 1, why=why))
    area = number(_percent(figures.searched_area), 1, why=NO_ROUTING)
    return [*cells, area]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _giga(count: float | None) -> float | None:
    return None if count is None else count / 1e9


def routing_table(comparison: Comparison) -> Table | None:
    """Share of tokens by exit; None where no arm routes tokens."""
    routed = {name: f.tokens for name, f in comparison.arms.items() if _is_known(f.tokens)}
    if not routed:
        return None
    exits = list(next(iter(routed.values())))
    rows = []
    for name, tokens in routed.items():
        shares = [number(100 * tokens[name_of_exit], 1) for name_of_exit in exits]
        rows.append([word(name), *shares])
    columns = [Column("arm"), *(Column(name, "% of tokens") for name in exits)]
    return Table("routing", "Tokens by exit, mean over the images", columns, rows)


def recall_table(comparison: Comparison) -> Table | None:
    """Share of the objects that are searched, by size; None where no arm routes anything."""
    routed = {name: figures for name, figures in comparison.arms.items() if _is_routed(figures)}
    if not routed:
        return None
    first = next(iter(routed.values()))
    ranges = [name for name, recall in first.object_recall.items() if recall is not None]
    rows = []
    for name, figures in routed.items():
        cells = _reach_cells(figures, ranges)
        rows.append([word(name), *cells])
    heads = [Column(size_words(name), "% of objects") for name in ranges]
    columns = [Column("arm"), *heads, AREA_COLUMN]
    return Table("recall", "Objects that are searched, by size", columns, rows)


def _is_known(tokens: Mapping[str, float | None]) -> bool:
    return bool(tokens) and None not in tokens.values()


def error_table(
    errors: Mapping[str, Mapping[str, Mapping[str, int]]], scores: Mapping[str, float]
) -> Table:
    """Errors by arm, size and type.

    Args:
        errors: Counts by arm, by range of sizes, by type.
        scores: By arm, the score from which on its detections count.
    """
    rows = []
    for arm, by_range in errors.items():
        score = number(scores[arm], 2)
        for range_name, counts in by_range.items():
            size = word(size_words(range_name))
            cells = [number(counts[kind], 0) for kind in ERROR_TYPES]
            rows.append([word(arm), score, size, *cells])
    titles = ("arm", "from score", "size", *ERROR_TYPES)
    columns = [Column(title) for title in titles]
    return Table("error-types", "Errors by object size and type", columns, rows)


def size_words(range_name: str) -> str:
    """A range of sizes as the page names it."""
    return "all sizes" if range_name == WHOLE else _spaced(range_name)


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def image_table(gains: Sequence[ImageGain], images: Sequence[ImageRow], a: str, b: str) -> Table:
    """Every image with what both arms found in it.

    Args:
        gains: One entry per image.
        images: The images.
        a: The arm under test.
        b: The arm it is compared with.
    """
    columns = [Column("image"), Column("change in F1"), Column("objects")]
    for arm in (b, a):
        columns += [Column("found", arm), Column("false", arm)]
    rows = []
    for gain in gains:
        image = images[gain.index]
        row = [
            word(image.file_name),
            _change(gain.gain),
            number(gain.a.annotated, 0),
            number(gain.b.true, 0),
            number(gain.b.false, 0),
            number(gain.a.true, 0),
            number(gain.a.false, 0),
        ]
        rows.append(row)
    return Table("images", f"Every image: {a} against {b}", columns, rows)


def _change(gain: float | None) -> Cell:
    if gain is None:
        return Cell(ABSENT, None, title="no object is annotated here, so there is no F1")
    return _signed(gain, 3)


def _signed(value: float, digits: int) -> Cell:
    """A cell with a difference, whose sign is always shown."""
    return Cell(fixed(value, digits, sign=True), value)


def difference_table(differences: Sequence[Difference]) -> Table:
    """Every difference with its interval."""
    titles = ("arm", "less", "figure", "difference", "from", "to")
    rows = []
    for difference in differences:
        row = [
            word(difference.a),
            word(difference.b),
            word(difference.figure),
            _signed(difference.delta, 4),
            _signed(difference.lo, 4),
            _signed(difference.hi, 4),
        ]
        rows.append(row)
    columns = [Column(title) for title in titles]
    return Table("differences", "Every difference with its 95 % interval", columns, rows)


def stage_table(comparison: Comparison) -> Table:
    """Milliseconds and multiply-accumulates by stage, and megabytes."""
    timed: dict[str, None] = {}
    counted: dict[str, None] = {}
    for figures in comparison.arms.values():
        timed.update(dict.fromkeys(figures.ms))
        counted.update(dict.fromkeys(figures.macs_by_stage))
    rows = []
    for name, figures in comparison.arms.items():
        spans = figures.intervals
        row = [word(name)]
        for stage in timed:
            ms = figures.ms.get(stage)
            row.append(number(ms, 2, spans.get(f"ms_{stage}")))
        for stage in counted:
            macs = figures.macs_by_stage.get(stage)
            row.append(number(_giga(macs), 2))
        row.append(number(figures.mb, 0, why=NO_MEMORY))
        rows.append(row)
    columns = [
        Column("arm"),
        *(Column(_spaced(stage), "ms") for stage in timed),
        *(Column(_spaced(stage), "GMAC") for stage in counted),
        Column("memory", "MB"),
    ]
    return Table("stages", "Where time, compute and memory go, an image", columns, rows)
