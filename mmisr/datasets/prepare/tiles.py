"""Cut large annotated images into COCO-format tiles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine import fileio
from numpy.typing import NDArray
from PIL import Image

from mmisr.ops.boxes import area, clip, to_xywh
from mmisr.ops.files import write_image, write_text

VISIBLE = 0.5
"""A box stays with a tile if at least this share of its area lies inside."""

ALIGN = 16
"""Inner borders of tiles lie at multiples of this, so that tiles divide by the scales 2, 4 and 8."""


@dataclass
class CocoWriter:
    """Collects images and boxes and writes them as one COCO file.

    Args:
        folder: Where images go.
        classes: Category names; ids count from 1.
        version: Of the data set; files of another version count as not there.
    """

    folder: Path
    classes: Sequence[str]
    version: str
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        name: str,
        image: NDArray[np.uint8],
        xyxy: NDArray[np.floating],
        labels: NDArray[np.integer],
    ) -> None:
        """Save one (H, W, 3) RGB image as PNG with its (N, 4) boxes in its own pixels."""
        write_image(self.folder / name, Image.fromarray(image))
        image_id = len(self.images) + 1
        self.images.append(
            {"id": image_id, "file_name": name, "width": image.shape[1], "height": image.shape[0]}
        )
        for box, label in zip(to_xywh(xyxy).tolist(), labels.tolist(), strict=True):
            box = [round(v, 2) for v in box]
            self.annotations.append(
                {
                    "id": len(self.annotations) + 1,
                    "image_id": image_id,
                    "category_id": label + 1,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )

    def write(self, path: Path) -> None:
        """Write the COCO file."""
        categories = [
            {"id": i + 1, "name": name, "supercategory": name}
            for i, name in enumerate(self.classes)
        ]
        parts = {"images": self.images, "annotations": self.annotations, "categories": categories}
        write_json({"info": {"mmisr": self.version}, **parts}, path)


@dataclass(frozen=True)
class Tile:
    """One piece of an image.

    Args:
        name: Its place in the image, ``<first row>_<first column>``.
        image: (h, w, 3) pixels.
        xyxy: (M, 4) boxes in the tile's own pixels, clipped to it.
        kept: (N,) which of the image's N boxes these are.
    """

    name: str
    image: NDArray[np.uint8]
    xyxy: NDArray[np.floating]
    kept: NDArray[np.bool_]


def cut(
    image: NDArray[np.uint8], xyxy: NDArray[np.floating], rows: tuple[int, int], tile: int
) -> list[Tile]:
    """Cut the given rows of an image into tiles that share no pixel and leave none out.

    A box belongs to every tile that holds at least :data:`VISIBLE` of its area, clipped to it;
    elsewhere it is dropped.

    Args:
        image: (H, W, 3).
        xyxy: (N, 4) boxes in the image.
        rows: First row and the row after the last.
        tile: Side of a tile in pixels, about: all tiles of an image are of nearly equal size.

    Returns:
        The tiles, by row and column.
    """
    tiles = []
    for top, bottom in _spans(*rows, tile):
        for left, right in _spans(0, image.shape[1], tile):
            shifted = xyxy - np.array([left, top] * 2)
            inside = clip(shifted, (bottom - top, right - left))
            kept = area(inside) >= VISIBLE * np.maximum(area(xyxy), 1e-9)
            tiles.append(Tile(f"{top}_{left}", image[top:bottom, left:right], inside[kept], kept))
    return tiles


def _spans(first: int, last: int, tile: int) -> list[tuple[int, int]]:
    """Cut a range into about equal parts at multiples of :data:`ALIGN`."""
    parts = max(1, round((last - first) / tile))
    inner = [first + round((last - first) * i / parts / ALIGN) * ALIGN for i in range(1, parts)]
    edges = [first, *inner, last]
    return list(zip(edges, edges[1:], strict=False))


def size_counts(annotations: Sequence[dict[str, Any]], scale: int) -> dict[str, int]:
    """Count boxes by the square root of their area in LR pixels.

    Under 8, 8 to 16, 16 to 32, 32 and more.
    """
    sides = np.sqrt([a["bbox"][2] * a["bbox"][3] for a in annotations]) / scale
    edges = [0, 8, 16, 32, np.inf]
    return {
        f"{lo}-{hi}": int(((sides >= lo) & (sides < hi)).sum())
        for lo, hi in zip(edges, edges[1:], strict=False)
    }


def is_complete(ann_file: Path, folder: Path, version: str) -> bool:
    """Whether a COCO file of this version and all its images are there."""
    if not ann_file.is_file():
        return False
    content = fileio.load(ann_file)
    files = (folder / image["file_name"] for image in content["images"])
    return content.get("info", {}).get("mmisr") == version and all(file.is_file() for file in files)


def summary(name: str, ann_file: Path, scale: int = 4) -> str:
    """One line for the terminal: images, and boxes by size."""
    content = fileio.load(ann_file)
    counts = ", ".join(
        f"{k} px: {v}" for k, v in size_counts(content["annotations"], scale).items()
    )
    boxes = len(content["annotations"])
    return (
        f"{name}: {len(content['images'])} images, {boxes} boxes; side at LR x1/{scale}: {counts}"
    )


def write_json(content: dict[str, Any], path: Path) -> None:
    """Write a file that is either whole or not there."""
    write_text(path, json.dumps(content))
