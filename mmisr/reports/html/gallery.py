"""The images of the page.

The same cut-out in every arm, with boxes and routing to be laid over it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from mmisr.analysis.comparison.per_image import ImageGain, count_images, extremes
from mmisr.analysis.comparison.result import ArmRun, Comparison, ImageRow
from mmisr.evaluation.functional.coco_records import Floats, ImageRecord
from mmisr.evaluation.functional.image_matches import ImageMatches, match_image
from mmisr.ops.boxes import centers
from mmisr.reports.html.crops import SIDE, Window, cut, pack, place_window, routing_uri
from mmisr.reports.html.findings import Findings, Pair
from mmisr.reports.html.paths import outlines, shapes
from mmisr.reports.html.tables import fixed
from mmisr.reports.pictures import kept_picture

SHOWN = 20
"""Images of each kind at most."""

ARMS = 5
"""Arms with pictures at most: the pair, LR and HR, then the others in their order."""

LABELS = 40
"""Boxes of an arm with a class name at most, the largest first."""

Frame = tuple[float, float, float, float]
"""Left, top, width and height of a cut-out in source pixels."""


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
        width: Width of the whole map.
        height: Height of the whole map.
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
        arm: Name of the arm.
        uri: The picture.
        small: Whether the picture has fewer pixels than others, and is shown pixel by pixel.
        true: Outlines of detections that found an object.
        false: Outlines of detections that found none.
        missed: Outlines of objects that no detection found.
        labels: Classes of detections; empty where there is one class.
        routing: Where compute went; None where nothing is routed.
        cores: Outlines of what windows answer for; empty without windows.
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
    cores: str
    facts: str


@dataclass(frozen=True)
class Card:
    """One image.

    Args:
        index: Number of the image, from 0.
        file_name: Name of its file.
        change: Its change in F1, in words; empty without a pair.
        width: Width of the cut-out in source pixels.
        height: Height of the cut-out in source pixels.
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
    groups: dict[str, list[Card]] = {}
    for title, gains in _groups(comparison, findings, shown).items():
        groups[title] = []
        for gain in gains if arms else ():
            card = _card(comparison, findings, arms, gain)
            groups[title].append(card)
    left, right = _sides(arms, findings.pair)
    return Gallery(arms, left, right, groups)


def _groups(
    comparison: Comparison, findings: Findings, shown: int
) -> dict[str, Sequence[ImageGain]]:
    """Which images are shown, by heading."""
    gains = findings.gains
    best, worst = extremes(gains, shown)
    if best or worst:
        return {
            "Largest gains": best,
            "Largest losses": worst,
        }
    first = gains[:shown]
    if not first:
        first = _alone(comparison, findings, shown)
    return {"First images": first}


def _sides(arms: Sequence[str], pair: Pair | None) -> tuple[str, str]:
    """The arms on both sides of the slider at first; empty where no pictures were kept."""
    if pair is not None and pair.a in arms and pair.b in arms:
        return pair.b, pair.a
    return (arms[0], arms[-1]) if arms else ("", "")


def _alone(comparison: Comparison, findings: Findings, shown: int) -> list[ImageGain]:
    """The first images of a single arm, compared with itself."""
    name = next(iter(comparison.runs))
    max_dets = comparison.meta.metric.max_dets
    records = comparison.judged[name][:shown]
    counts = count_images(records, findings.scores[name], max_dets, comparison.rules)
    return [ImageGain(index, count, count) for index, count in enumerate(counts)]


def _arms(comparison: Comparison, findings: Findings) -> list[str]:
    """Arms whose pictures were kept, as many as go into the page."""
    with_pictures = []
    for name, run in comparison.runs.items():
        if _has_pictures(run):
            with_pictures.append(name)
    pair = findings.pair
    first = ["lr", "hr"]
    if pair is not None:
        first = [pair.b, pair.a, *first]
    # By name once each, in the order of what a reader looks for.
    wanted = dict.fromkeys([*first, *with_pictures])
    there = [name for name in wanted if name in with_pictures]
    chosen = there[:ARMS]
    return [name for name in with_pictures if name in chosen]


def _has_pictures(run: ArmRun) -> bool:
    return len(run.rows) > 0 and run.picture(0) is not None


@dataclass(frozen=True)
class _View:
    """What one arm has of one image.

    Args:
        run: The arm.
        index: Number of the image, from 0.
        record: Its boxes and masks.
        matches: What its detections found.
        picture: What its detector saw.
    """

    run: ArmRun
    index: int
    record: ImageRecord
    matches: ImageMatches
    picture: Image.Image


def _card(comparison: Comparison, findings: Findings, arms: Sequence[str], gain: ImageGain) -> Card:
    row = comparison.images[gain.index]
    lr_hw = row.lr_hw
    views = {arm: _view(comparison, findings, arm, gain.index) for arm in arms}
    window = _window(row, views, findings.pair)
    frame = window.source(row.source_hw, lr_hw)
    _, _, width, height = frame
    cuts = {arm: cut(view.picture, window, lr_hw) for arm, view in views.items()}
    packed = pack(cuts)
    classes = comparison.meta.classes
    largest = max(view.picture.width for view in views.values())
    layers = []
    for arm, view in views.items():
        is_small = view.picture.width < largest
        layer = _layer(view, packed.uris[arm], frame, classes)
        layers.append(replace(layer, small=is_small))
    first = views[arms[0]]
    record = first.record
    ignore = ~first.matches.counted
    return Card(
        index=gain.index,
        file_name=row.file_name,
        change=_change(gain, findings),
        width=width,
        height=height,
        whole=(window.height, window.width) == tuple(lr_hw),
        truth=shapes(record, "gt", ~ignore, frame),
        ignored=shapes(record, "gt", ignore, frame),
        layers=layers,
        note=packed.note,
    )


def _view(comparison: Comparison, findings: Findings, arm: str, index: int) -> _View:
    run = comparison.runs[arm]
    max_dets = comparison.meta.metric.max_dets
    record = comparison.judged[arm][index]
    score = findings.scores[arm]
    matches = match_image(record, score, max_dets, comparison.rules)
    picture = kept_picture(run, index)
    return _View(run, index, record, matches, picture)


def _change(gain: ImageGain, findings: Findings) -> str:
    """The change in F1 in words; empty without a pair, or where nothing is annotated."""
    pair = findings.pair
    f1_a = gain.a.f1
    f1_b = gain.b.f1
    if pair is None or gain.gain is None or f1_a is None or f1_b is None:
        return ""
    change = fixed(gain.gain, 3, sign=True)
    before = fixed(f1_b, 3)
    after = fixed(f1_a, 3)
    return f"F1 {change}: {before} {pair.b}, {after} {pair.a}"


def _window(row: ImageRow, views: Mapping[str, _View], pair: Pair | None) -> Window:
    """Where the arms of the pair differ and err most, or where the objects are."""
    lr_height, lr_width = row.lr_hw
    factors = []
    for view in views.values():
        picture = view.picture
        factors.append(picture.width / lr_width)
        factors.append(picture.height / lr_height)
    side = int(SIDE / max(factors))
    first, *_ = views.values()
    boxes = first.record.gt_xyxy
    if pair is not None and pair.a in views and pair.b in views:
        boxes = _differing(views[pair.a], views[pair.b])
    points = centers(boxes) * _lr_factor(row)
    return place_window(row.lr_hw, side, points)


def _differing(a: _View, b: _View) -> Floats:
    """(N, 4) objects that one of two arms alone found, and the false detections of both."""
    found_by_one = a.matches.missed != b.matches.missed
    return np.concatenate(
        [
            a.record.gt_xyxy[found_by_one],
            a.record.det_xyxy[a.matches.false],
            b.record.det_xyxy[b.matches.false],
        ]
    )


def _lr_factor(row: ImageRow) -> Floats:
    """(2,) from source to LR pixels, x and y."""
    lr_wh = np.array(row.lr_hw[::-1])
    return lr_wh / np.array(row.source_hw[::-1])


def _layer(view: _View, uri: str, frame: Frame, classes: Sequence[str]) -> Layer:
    record = view.record
    matches = view.matches
    num_missed = int(matches.missed.sum())
    image = view.run.images[view.index]
    cores = np.reshape(image.cores or [], (-1, 4))
    facts = f"{len(matches.true)} found, {len(matches.false)} false, {num_missed} missed"
    return Layer(
        arm=view.run.name,
        uri=uri,
        small=False,
        true=shapes(record, "det", matches.true, frame),
        false=shapes(record, "det", matches.false, frame),
        missed=shapes(record, "gt", matches.missed, frame),
        labels=_labels(record, matches, frame, classes),
        routing=_routing(view.run, view.index, frame),
        cores=outlines(cores, frame),
        facts=facts,
    )


def _labels(
    record: ImageRecord, matches: ImageMatches, frame: Frame, classes: Sequence[str]
) -> list[Label]:
    """Class and score of the largest detections whose corner is in the cut-out.

    Where there is one class there is nothing to tell.
    """
    if len(classes) == 1:
        return []
    x, y, width, height = frame
    kept = matches.kept
    by_size = np.argsort(-record.det_areas[kept], kind="stable")
    labels: list[Label] = []
    for detection in kept[by_size]:
        left, top = record.det_xyxy[detection, :2].tolist()
        left -= x
        top -= y
        is_inside = 0 <= left < width and 0 <= top < height
        if not is_inside or len(labels) == LABELS:
            continue
        label_index = record.det_labels[detection]
        name = classes[label_index]
        score = record.det_scores[detection]
        text = f"{name} {score:.2f}"
        label = Label(round(left, 1), round(top, 1), text)
        labels.append(label)
    return labels


def _routing(run: ArmRun, index: int, frame: Frame) -> Routing | None:
    exits = run.exits(index)
    image = run.images[index]
    token = image.token_size
    if exits is None or token is None:
        return None
    left, top, _, _ = frame
    tokens_wh = np.array(exits.shape[::-1])
    lr_wh = tokens_wh * token
    width, height = (lr_wh / _lr_factor(run.rows[index])).tolist()
    return Routing(
        uri=routing_uri(exits),
        x=-left,
        y=-top,
        width=width,
        height=height,
    )
