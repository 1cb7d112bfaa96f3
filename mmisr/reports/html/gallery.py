"""The images of the page.

The same cut-out in every arm, with boxes and routing to be laid over it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mmisr.analysis.comparison.per_image import ImageGain, count_images, extremes
from mmisr.analysis.comparison.result import ArmRun, Comparison, ImageRow
from mmisr.evaluation.functional.coco_records import Floats, ImageRecord
from mmisr.evaluation.functional.image_matches import ImageMatches, match_image
from mmisr.reports.html.crops import SIDE, Window, cut, outlines, pack, place_window, routing_uri
from mmisr.reports.html.findings import Findings
from mmisr.reports.html.tables import fixed
from mmisr.reports.pictures import kept_picture

SHOWN = 20
"""Images of each kind at most."""

ARMS = 5
"""Arms with pictures at most: the pair, LR and HR, then the others in their order."""

LABELS = 40
"""Boxes of an arm with a class name at most, the largest first."""


@dataclass(frozen=True)
class Label:
    """The class of a box.

    Args:
        x: Left edge of the box, in the frame of the cut-out.
        y: Upper edge.
        text: Name, and the score of a detection.
    """

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Routing:
    """A routing map over a cut-out.

    Args:
        uri: One pixel a token.
        x: Left edge in the frame of the cut-out.
        y: Upper edge.
        width: Of the whole map.
        height: Of the whole map.
    """

    uri: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layer:
    """What one arm saw and found.

    Args:
        arm: Its name.
        uri: The picture.
        small: Whether the picture has fewer pixels than others, and is shown pixel by pixel.
        true: Outlines of detections that found an object.
        false: Of those that did not.
        missed: Of objects that none found.
        labels: Classes of detections; empty where there is one class.
        routing: Where compute went; None where nothing is routed.
        facts: True, false and missed in the whole image, in words.
    """

    arm: str
    uri: str
    small: bool
    true: str
    false: str
    missed: str
    labels: Sequence[Label]
    routing: Routing | None
    facts: str


@dataclass(frozen=True)
class Card:
    """One image.

    Args:
        index: Of the image, from 0.
        file_name: Its name.
        change: Its change in F1, in words; empty without a pair.
        width: Of the cut-out in source pixels.
        height: Of the cut-out.
        whole: Whether the cut-out is the whole image.
        truth: Outlines of the annotations.
        ignored: Outlines of regions to ignore.
        layers: The arms.
        note: How the pictures were packed.
    """

    index: int
    file_name: str
    change: str
    width: float
    height: float
    whole: bool
    truth: str
    ignored: str
    layers: Sequence[Layer]
    note: str


@dataclass(frozen=True)
class Gallery:
    """All images that are shown.

    Args:
        arms: Arms with pictures, in the order of the comparison; empty where no pictures were kept.
        left: The arm that is shown on the left at first.
        right: On the right.
        groups: Cards by heading.
    """

    arms: Sequence[str]
    left: str
    right: str
    groups: Mapping[str, Sequence[Card]]


def make_gallery(comparison: Comparison, findings: Findings, shown: int = SHOWN) -> Gallery:
    """Cut out and pack the images that gain and lose most.

    Args:
        comparison: A finished comparison.
        findings: What was counted.
        shown: Images of each kind at most.

    Returns:
        The gallery. With one arm alone, or where no image changes, the first images in the order of
        the data set.
    """
    arms = _arms(comparison, findings)
    pair = findings.pair
    best, worst = extremes(findings.gains, shown)
    groups = {"Largest gains": best, "Largest losses": worst}
    if not best and not worst:
        groups = {
            "First images": list(findings.gains[:shown]) or _alone(comparison, findings, shown)
        }
    cards = {
        title: [_card(comparison, findings, arms, gain) for gain in gains] if arms else []
        for title, gains in groups.items()
    }
    sides = [name for name in (pair.b, pair.a) if name in arms] if pair else []
    left, right = sides if len(sides) == 2 else [*arms[:1], *arms[-1:]] or ["", ""]
    return Gallery(arms, left, right, cards)


def _alone(comparison: Comparison, findings: Findings, shown: int) -> list[ImageGain]:
    """The first images of a single arm, compared with itself."""
    ((name, run),) = list(comparison.runs.items())[:1]
    counts = count_images(
        run.records[:shown], findings.scores[name], comparison.meta["metric"]["max_dets"]
    )
    return [ImageGain(i, c, c) for i, c in enumerate(counts)]


def _arms(comparison: Comparison, findings: Findings) -> list[str]:
    """Arms whose pictures were kept, as many as go into the page."""
    kept = [
        name
        for name, run in comparison.runs.items()
        if len(run.rows) and run.picture(0) is not None
    ]
    pair = findings.pair
    first = [pair.b, pair.a] if pair else []
    wanted = list(dict.fromkeys([*first, "lr", "hr", *kept]))
    chosen = [name for name in wanted if name in kept][:ARMS]
    return [name for name in kept if name in chosen]


def _card(comparison: Comparison, findings: Findings, arms: Sequence[str], gain: ImageGain) -> Card:
    runs, index = comparison.runs, gain.index
    row, max_dets = comparison.images[index], comparison.meta["metric"]["max_dets"]
    matches = {
        arm: match_image(runs[arm].records[index], findings.scores[arm], max_dets) for arm in arms
    }
    pictures = {arm: kept_picture(runs[arm], index) for arm in arms}
    window = _window(
        row, pictures, {arm: (runs[arm].records[index], m) for arm, m in matches.items()}, findings
    )
    largest = max(picture.width for picture in pictures.values())
    area = window.source(row.source_hw, row.lr_hw)
    packed = pack({arm: cut(picture, window, row.lr_hw) for arm, picture in pictures.items()})
    record = runs[arms[0]].records[index]
    classes = comparison.meta["classes"] if len(comparison.meta["classes"]) > 1 else None
    return Card(
        index=index,
        file_name=row.file_name,
        change=_change(gain, findings),
        width=area[2],
        height=area[3],
        whole=(window.height, window.width) == tuple(row.lr_hw),
        truth=outlines(record.gt_xyxy[~record.gt_ignore], area),
        ignored=outlines(record.gt_xyxy[record.gt_ignore], area),
        layers=[
            _layer(
                runs[arm],
                index,
                (matches[arm], packed.uris[arm], pictures[arm].width < largest),
                area,
                classes,
            )
            for arm in arms
        ],
        note=packed.note,
    )


def _change(gain: ImageGain, findings: Findings) -> str:
    if findings.pair is None or gain.gain is None or gain.a.f1 is None or gain.b.f1 is None:
        return ""
    return (
        f"F1 {fixed(gain.gain, 3, sign=True)}: {fixed(gain.b.f1, 3)} {findings.pair.b}, "
        f"{fixed(gain.a.f1, 3)} {findings.pair.a}"
    )


def _window(
    row: ImageRow,
    pictures: Mapping[str, Image.Image],
    found: Mapping[str, tuple[ImageRecord, ImageMatches]],
    findings: Findings,
) -> Window:
    """Where the arms of the pair differ and err most, or where the objects are."""
    largest = max(max(p.width / row.lr_hw[1], p.height / row.lr_hw[0]) for p in pictures.values())
    pair = findings.pair
    if pair is not None and {pair.a, pair.b} <= set(found):
        (record, a), (other, b) = found[pair.a], found[pair.b]
        boxes = np.concatenate(
            [
                record.gt_xyxy[a.missed != b.missed],
                record.det_xyxy[a.false],
                other.det_xyxy[b.false],
            ]
        )
    else:
        boxes = next(iter(found.values()))[0].gt_xyxy
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    return place_window(row.lr_hw, int(SIDE / largest), middle * _lr_factor(row))


def _lr_factor(row: ImageRow) -> Floats:
    return np.array([row.lr_hw[1] / row.source_hw[1], row.lr_hw[0] / row.source_hw[0]])


def _layer(
    run: ArmRun,
    index: int,
    parts: tuple[ImageMatches, str, bool],
    area: tuple[float, float, float, float],
    classes: Sequence[str] | None,
) -> Layer:
    record, (matches, uri, small) = run.records[index], parts
    return Layer(
        arm=run.name,
        uri=uri,
        small=small,
        true=outlines(record.det_xyxy[matches.true], area),
        false=outlines(record.det_xyxy[matches.false], area),
        missed=outlines(record.gt_xyxy[matches.missed], area),
        labels=[] if classes is None else _labels(record, matches, area, classes),
        routing=_routing(run, index, area),
        facts=f"{len(matches.true)} found, {len(matches.false)} false, {int(matches.missed.sum())} "
        f"missed",
    )


def _labels(
    record: ImageRecord,
    matches: ImageMatches,
    area: tuple[float, float, float, float],
    classes: Sequence[str],
) -> list[Label]:
    x, y, w, h = area
    largest = matches.kept[np.argsort(-record.det_areas[matches.kept], kind="stable")]
    corner = record.det_xyxy[largest, :2] - (x, y)
    inside = (corner >= 0).all(1) & (corner < (w, h)).all(1)
    return [
        Label(
            round(at[0], 1),
            round(at[1], 1),
            f"{classes[record.det_labels[d]]} {record.det_scores[d]:.2f}",
        )
        for d, at in zip(largest[inside][:LABELS].tolist(), corner[inside].tolist(), strict=False)
    ]


def _routing(run: ArmRun, index: int, area: tuple[float, float, float, float]) -> Routing | None:
    exits, token, row = run.exits(index), run.images[index].token_size, run.rows[index]
    if exits is None or token is None:
        return None
    width, height = (np.array(exits.shape[::-1]) * token / _lr_factor(row)).tolist()
    return Routing(routing_uri(exits), -area[0], -area[1], width, height)
