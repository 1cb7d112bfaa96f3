"""Cut large annotated images into COCO-format tiles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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
"""Inner borders of tiles lie at multiples of this: tiles divide by the scales 2, 4 and 8."""


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
            box = [round(value, 2) for value in box]
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
        categories = []
        for number, name in enumerate(self.classes, 1):
            categories.append({"id": number, "name": name, "supercategory": name})
        content = {
            "info": {"mmisr": self.version},
            "images": self.images,
            "annotations": self.annotations,
            "categories": categories,
        }
        write_json(content, path)


@dataclass(frozen=True)
class Tile:
    """One piece of an image.

    Args:
        name: Its place in the image, ``<first row>_<first column>``.
        image: (h, w, 3) pixels.
        xyxy: (M, 4) boxes in the tile's own pixels, clipped to it.
        in_tile: (N,) which of the image's N boxes these are.
    """

    name: str
    image: NDArray[np.uint8]
    xyxy: NDArray[np.floating]
    in_tile: NDArray[np.bool_]


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
    # Boxes without area would stay with every tile.
    needed = VISIBLE * np.maximum(area(xyxy), 1e-9)
    for top, bottom in _spans(*rows, tile):
        for left, right in _spans(0, image.shape[1], tile):
            corner = np.array([left, top, left, top])
            hw = (bottom - top, right - left)
            clipped = clip(xyxy - corner, hw)
            in_tile = area(clipped) >= needed
            piece = Tile(
                name=f"{top}_{left}",
                image=image[top:bottom, left:right],
                xyxy=clipped[in_tile],
                in_tile=in_tile,
            )
            tiles.append(piece)
    return tiles


def _spans(first: int, last: int, tile: int) -> list[tuple[int, int]]:
    """Cut a range into about equal parts at multiples of :data:`ALIGN`."""
    length = last - first
    parts = max(1, round(length / tile))
    edges = [first]
    for part in range(1, parts):
        steps = round(length * part / parts / ALIGN)
        edges.append(first + steps * ALIGN)
    edges.append(last)
    return list(pairwise(edges))


def size_counts(annotations: Sequence[dict[str, Any]], scale: int) -> dict[str, int]:
    """Count boxes by the square root of their area in LR pixels.

    Args:
        annotations: As a COCO file has them, boxes in HR pixels.
        scale: HR pixels per LR pixel.

    Returns:
        How many are under 8, 8 to 16, 16 to 32, and 32 and more, by ``0-8`` and so on.
    """
    areas = []
    for annotation in annotations:
        _, _, width, height = annotation["bbox"]
        areas.append(width * height)
    hr_sides = np.sqrt(areas)
    lr_sides = hr_sides / scale
    edges = [0, 8, 16, 32, np.inf]
    counts = {}
    for low, high in pairwise(edges):
        reaches = lr_sides >= low
        in_bin = reaches & (lr_sides < high)
        name = f"{low}-{high}"
        counts[name] = int(in_bin.sum())
    return counts


def is_complete(ann_file: Path, folder: Path, version: str) -> bool:
    """Whether a COCO file of this version and all its images are there."""
    if not ann_file.is_file():
        return False
    content = fileio.load(ann_file)
    info = content.get("info", {})
    if info.get("mmisr") != version:
        return False
    for image in content["images"]:
        file = folder / image["file_name"]
        if not file.is_file():
            return False
    return True


def summary(name: str, ann_file: Path, scale: int = 4) -> str:
    """One line for the terminal: images, and boxes by size."""
    content = fileio.load(ann_file)
    images = content["images"]
    annotations = content["annotations"]
    counts = size_counts(annotations, scale)
    spans = [f"{span} px: {count}" for span, count in counts.items()]
    sizes = ", ".join(spans)
    total = f"{len(images)} images, {len(annotations)} boxes"
    return f"{name}: {total}; side at LR x1/{scale}: {sizes}"


def write_json(content: dict[str, Any], path: Path) -> None:
    """Write a file that is either whole or not there."""
    write_text(path, json.dumps(content))
