"""What the arm under test mends and breaks: counts by size, and cut-outs of single boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from mmisr.analysis.comparison.result import ArmRun, Comparison, ImageRow
from mmisr.evaluation.functional.coco_records import Floats, ImageRecord, Ints
from mmisr.evaluation.size_bins import INFINITE, WHOLE
from mmisr.ops.boxes import centers, widths_heights
from mmisr.reports.html.crops import Window, cut, pack, place_window
from mmisr.reports.html.findings import Findings
from mmisr.reports.html.paths import outlines
from mmisr.reports.html.tables import Column, Table, number, size_words, word
from mmisr.reports.pictures import kept_picture
from mmisr.structures.frames import FrameMap

KINDS = {
    "found": "Found again",
    "lost": "Lost",
    "new": "New false positives",
    "gone": "False positives gone",
}
"""Headings by field of :class:`mmisr.evaluation.functional.new_detections.Changes`."""

TITLES = ("size", "found again", "lost", "net", "new false", "false gone", "net")
SHOWN = 6
"""Cut-outs of each kind at most."""

SIDE = 32
"""Side of a cut-out in LR pixels, or twice that of the box where that is more."""

BYTES = 16_000
"""Limit of both pictures of a cut-out together; all of them take half a megabyte, as text."""


@dataclass(frozen=True)
class Changed:
    """One box that only one of two arms has.

    Args:
        index: Number of the image, from 0.
        xyxy: (4,) in the source frame.
        area: px^2 in the frame of the size bins.
        score: Of a detection; None for an object.
    """

    index: int
    xyxy: Floats
    area: float
    score: float | None


@dataclass(frozen=True)
class Crop:
    """A box in both arms.

    Args:
        title: File, size and score.
        uris: Pictures by arm, the baseline first.
        width: Of the cut-out in source pixels.
        height: In source pixels.
        outline: The box, as an SVG path.
    """

    title: str
    uris: Mapping[str, str]
    width: float
    height: float
    outline: str


def list_changes(comparison: Comparison, findings: Findings) -> dict[str, list[Changed]]:
    """Every changed box by kind: objects, smallest first; false positives, surest first.

    Args:
        comparison: A finished comparison.
        findings: What was counted.

    Returns:
        Boxes by key of :data:`KINDS`; empty without a pair.
    """
    pair = findings.pair
    if pair is None:
        return {}
    ours = comparison.judged[pair.a]
    theirs = comparison.judged[pair.b]
    found, lost, new, gone = listed = tuple(list[Changed]() for _ in KINDS)
    for index, of_image in enumerate(findings.changes):
        record = ours[index]
        baseline = theirs[index]
        found += _objects(index, record, of_image.found)
        lost += _objects(index, record, of_image.lost)
        new += _detections(index, record, of_image.new)
        gone += _detections(index, baseline, of_image.gone)
    for boxes in listed:
        boxes.sort(key=_order)
    return dict(zip(KINDS, listed, strict=True))


def _order(box: Changed) -> tuple[float, float]:
    score = box.score or 0.0
    return -score, box.area


def _objects(index: int, record: ImageRecord, chosen: Ints) -> list[Changed]:
    boxes = []
    for place in chosen:
        area = float(record.gt_areas[place])
        box = Changed(index, record.gt_xyxy[place], area, None)
        boxes.append(box)
    return boxes


def _detections(index: int, record: ImageRecord, chosen: Ints) -> list[Changed]:
    boxes = []
    for place in chosen:
        area = record.det_areas[place]
        score = record.det_scores[place]
        xyxy = record.det_xyxy[place]
        box = Changed(index, xyxy, float(area), float(score))
        boxes.append(box)
    return boxes


def change_table(comparison: Comparison, listed: Mapping[str, Sequence[Changed]]) -> Table | None:
    """How many boxes changed, by size and kind; None without a pair.

    Args:
        comparison: Its bins are those of the rows.
        listed: See :func:`list_changes`.
    """
    if not listed:
        return None
    ranges = {WHOLE: (0.0, INFINITE), **comparison.meta.metric.bins}
    rows = []
    for name, (low, high) in ranges.items():
        counts = []
        for boxes in listed.values():
            # Both ends belong to a range, as everywhere.
            chosen = [box for box in boxes if low <= box.area <= high]
            counts.append(len(chosen))
        found, lost, new, gone = counts
        mended = found - lost
        made = new - gone
        shown = (found, lost, mended, new, gone, made)
        cells = [number(count, 0) for count in shown]
        title = size_words(name)
        row = [word(title), *cells]
        rows.append(row)
    columns = [Column(title) for title in TITLES]
    return Table("changes", "What changes, by object size", columns, rows)


def change_crops(
    comparison: Comparison, findings: Findings, listed: Mapping[str, Sequence[Changed]]
) -> dict[str, list[Crop]]:
    """Cut-outs by heading; empty where no pictures were kept.

    Args:
        comparison: A finished comparison.
        findings: What was counted.
        listed: See :func:`list_changes`.
    """
    pair = findings.pair
    if pair is None or not comparison.images:
        return {}
    images = comparison.images
    runs = {
        pair.b: comparison.runs[pair.b],
        pair.a: comparison.runs[pair.a],
    }
    kept = [run.picture(0) for run in runs.values()]
    if None in kept:
        return {}
    crops = {}
    for kind, title in KINDS.items():
        boxes = listed[kind]
        first = boxes[:SHOWN]
        crops[title] = [_crop(images, runs, box) for box in first]
    return crops


def _crop(images: Sequence[ImageRow], runs: Mapping[str, ArmRun], box: Changed) -> Crop:
    row = images[box.index]
    window = _window(row, box.xyxy)
    pictures = {}
    for name, run in runs.items():
        picture = kept_picture(run, box.index)
        pictures[name] = cut(picture, window, row.lr_hw)
    packed = pack(pictures, BYTES)
    frame = window.source(row.source_hw, row.lr_hw)
    _, _, width, height = frame
    outline = outlines(box.xyxy[None], frame)
    return Crop(
        title=_title(row, box),
        uris=packed.uris,
        width=width,
        height=height,
        outline=outline,
    )


def _window(row: ImageRow, xyxy: Floats) -> Window:
    """Around a box."""
    source_to_lr = FrameMap.between(row.source_hw, row.lr_hw)
    box = torch.from_numpy(xyxy)
    in_lr = source_to_lr.boxes(box[None])
    sides = widths_heights(in_lr)
    longest = sides.max()
    twice = round(2 * longest.item())
    side = max(SIDE, twice)
    middle = centers(in_lr)
    points = middle.numpy()
    return place_window(row.lr_hw, side, points)


def _title(row: ImageRow, box: Changed) -> str:
    side = math.sqrt(box.area)
    title = f"{row.file_name}, {side:.1f} px"
    if box.score is None:
        return title
    return f"{title}, score {box.score:.2f}"
