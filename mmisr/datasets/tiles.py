"""Cut large annotated images into COCO-format tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine import fileio
from numpy.typing import NDArray
from PIL import Image

VISIBLE = 0.5
"""A box stays with a tile if at least this share of its area lies inside."""


@dataclass
class CocoWriter:
    """Collects images and boxes and writes them as one COCO file.

    Args:
        folder: Where images go.
        classes: Category names; ids count from 1.
    """

    folder: Path
    classes: Sequence[str]
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, image: NDArray[np.uint8], xyxy: NDArray[np.floating], labels: NDArray[np.integer]) -> None:
        """Save one (H, W, 3) RGB image as PNG with its (N, 4) boxes in its own pixels."""
        self.folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(self.folder / name)
        image_id = len(self.images) + 1
        self.images.append({"id": image_id, "file_name": name, "width": image.shape[1], "height": image.shape[0]})
        for (x1, y1, x2, y2), label in zip(xyxy.tolist(), labels.tolist(), strict=True):
            box = [round(v, 2) for v in (x1, y1, x2 - x1, y2 - y1)]
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
        categories = [{"id": i + 1, "name": name} for i, name in enumerate(self.classes)]
        fileio.dump({"images": self.images, "annotations": self.annotations, "categories": categories}, str(path))


def cut(
    image: NDArray[np.uint8], xyxy: NDArray[np.floating], rows: tuple[int, int], tile: int
) -> list[tuple[str, NDArray[np.uint8], NDArray[np.floating], NDArray[np.bool_]]]:
    """Cut the given rows of an image into tiles that share no pixel.

    Tiles are of equal size but for the last row and column, which take what is left if that is at least half a tile.

    Args:
        image: (H, W, 3).
        xyxy: (N, 4) boxes in the image.
        rows: First row and the row after the last.
        tile: Side of a tile in pixels.

    Returns:
        For each tile its place (``y_x``), its pixels, its boxes clipped to it, and which of the N boxes these are: those
        with at least :data:`VISIBLE` of their area inside.
    """
    tiles = []
    for y in _starts(rows[0], rows[1], tile):
        for x in _starts(0, image.shape[1], tile):
            bottom, right = min(y + tile, rows[1]), min(x + tile, image.shape[1])
            inside = np.stack(
                [
                    np.clip(xyxy[:, 0], x, right) - x,
                    np.clip(xyxy[:, 1], y, bottom) - y,
                    np.clip(xyxy[:, 2], x, right) - x,
                    np.clip(xyxy[:, 3], y, bottom) - y,
                ],
                axis=1,
            )
            kept = _area(inside) >= VISIBLE * np.maximum(_area(xyxy), 1e-9)
            tiles.append((f"{y}_{x}", image[y:bottom, x:right], inside[kept], kept))
    return tiles


def _starts(first: int, last: int, tile: int) -> list[int]:
    return [s for s in range(first, last, tile) if last - s >= tile // 2]


def _area(xyxy: NDArray[np.floating]) -> NDArray[np.floating]:
    return (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])


def size_counts(annotations: Sequence[dict[str, Any]], scale: int) -> dict[str, int]:
    """Count boxes by the square root of their area in LR pixels: under 8, 8 to 16, 16 to 32, 32 and more."""
    sides = np.sqrt([a["bbox"][2] * a["bbox"][3] for a in annotations]) / scale
    edges = [0, 8, 16, 32, np.inf]
    return {f"{lo}-{hi}": int(((sides >= lo) & (sides < hi)).sum()) for lo, hi in zip(edges, edges[1:], strict=False)}


def summary(name: str, writer: CocoWriter, scale: int = 4) -> str:
    """One line for the terminal."""
    counts = ", ".join(f"{k} px: {v}" for k, v in size_counts(writer.annotations, scale).items())
    return f"{name}: {len(writer.images)} images, {len(writer.annotations)} boxes; side at LR x1/{scale}: {counts}"
