"""Tree crowns: real aerial images and boxes from the wheel of DeepForest (MIT licence)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmisr.datasets.tiles import CocoWriter, cut, summary
from mmisr.datasets.wheels import fetch_wheel

REQUIREMENT = "deepforest==2.1.0"
SHA256 = "8c2798d8e9be7f0004b194fe207b76c1d9fff6e711b3db67b9508dcd5d00ae54"
MEADOW, FOREST = "2019_YELL_2_528000_4978000_image_crop2", "2019_YELL_2_541000_4977000_image_crop"
"""Two places of one site; the first gives both sides of the split, by rows."""

TRAIN_ROWS, VAL_ROWS = (0, 1500), (1540, 2472)
"""40 rows lie between the two sides, a crown's width, so that no tree is seen by both."""

TRAIN_TILE, VAL_TILE = 500, 464
"""The validation tile divides its 932 rows in two and is a multiple of 16."""


def prepare(out: Path, cache: Path, wheel: Path | None = None) -> list[str]:
    """Write ``train.json``, ``val.json`` and the tiles under ``out``; nothing is done where they are there already.

    Args:
        out: Folder of the data set.
        cache: Folder that keeps the wheel.
        wheel: A wheel that you have already.

    Returns:
        Lines for the terminal: counts by size.

    Raises:
        RuntimeError: See :func:`fetch_wheel`; or the wheel does not hold what it should.
    """
    if (out / "val.json").is_file() and (out / "train.json").is_file():
        return [f"{out} is there already; delete it to make it anew"]
    path = fetch_wheel(REQUIREMENT, SHA256, cache, wheel)
    meadow, forest = _read(path, MEADOW), _read(path, FOREST)
    lines = []
    sides = {
        "train": [(MEADOW, meadow, TRAIN_ROWS, TRAIN_TILE), (FOREST, forest, (0, forest[0].shape[0]), TRAIN_TILE)],
        "val": [(MEADOW, meadow, VAL_ROWS, VAL_TILE)],
    }
    for side, parts in sides.items():
        writer = CocoWriter(out / side, ["tree"])
        for name, (image, boxes), rows, tile in parts:
            for place, pixels, inside, _ in cut(image, boxes, rows, tile):
                writer.add(f"{name}_{place}.png", pixels, inside, np.zeros(len(inside), dtype=int))
        writer.write(out / f"{side}.json")
        lines.append(summary(f"tree crowns {side}", writer))
    return lines


def _read(wheel: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
    with zipfile.ZipFile(wheel) as archive:
        try:
            image = Image.open(io.BytesIO(archive.read(f"deepforest/data/{name}.png"))).convert("RGB")
            tree = ElementTree.fromstring(archive.read(f"deepforest/data/{name}.xml"))
        except KeyError as error:
            raise RuntimeError(f"{wheel} does not hold {error}; it is not {REQUIREMENT}, delete it and run again") from error
    edges = ("xmin", "ymin", "xmax", "ymax")
    boxes = [[float(box.findtext(edge, "nan")) for edge in edges] for box in tree.iter("bndbox")]
    return np.asarray(image), np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
