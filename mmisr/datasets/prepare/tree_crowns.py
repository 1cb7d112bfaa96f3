"""Tree crowns: real aerial images and boxes from the wheel of DeepForest (MIT licence)."""

from __future__ import annotations

import io
import zipfile
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
"""About; the validation tile divides its 932 rows in two."""


def prepare(out: Path, cache: Path, wheel: Path | None = None) -> list[str]:
    """Write ``train.json``, ``val.json`` and the tiles under ``out``.

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
    lines = [f"{out} is there already; delete it to make it anew"]
    if not all(is_complete(out / f"{side}.json", out / side, VERSION) for side in ("train", "val")):
        _write(out, fetch_wheel(REQUIREMENT, SHA256, cache, wheel))
        lines = []
    return lines + [
        summary(f"tree crowns {side}", out / f"{side}.json") for side in ("train", "val")
    ]


def _write(out: Path, wheel: Path) -> None:
    meadow, forest = _read(wheel, MEADOW), _read(wheel, FOREST)
    sides = {
        "train": [
            (MEADOW, meadow, TRAIN_ROWS, TRAIN_TILE),
            (FOREST, forest, (0, forest[0].shape[0]), TRAIN_TILE),
        ],
        "val": [(MEADOW, meadow, VAL_ROWS, VAL_TILE)],
    }
    for side, parts in sides.items():
        writer = CocoWriter(out / side, ["tree"], VERSION)
        for name, (image, boxes), rows, size in parts:
            for tile in cut(image, boxes, rows, size):
                writer.add(
                    f"{name}_{tile.name}.png",
                    tile.image,
                    tile.xyxy,
                    np.zeros(len(tile.xyxy), dtype=int),
                )
        writer.write(out / f"{side}.json")


def _read(wheel: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
    with zipfile.ZipFile(wheel) as archive:
        try:
            image = Image.open(io.BytesIO(archive.read(f"deepforest/data/{name}.png"))).convert(
                "RGB"
            )
            tree = ElementTree.fromstring(archive.read(f"deepforest/data/{name}.xml"))
        except KeyError as error:
            raise RuntimeError(
                f"{wheel} must be {REQUIREMENT}, it lacks {error}; delete it and run again"
            ) from error
    edges = ("xmin", "ymin", "xmax", "ymax")
    boxes = [[float(box.findtext(edge, "nan")) for edge in edges] for box in tree.iter("bndbox")]
    return np.asarray(image), np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
