"""Tiles of annotated images: where they lie, and what of the annotations belongs to each.

The one rule for tiles that are cut while training reads them
(:class:`mmisr.datasets.coco.SRCocoDataset`) and for tiles on disk
(:mod:`mmisr.datasets.formats.tiles`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmisr.datasets.images import check_reducible
from mmisr.ops.boxes import area, clip, to_xywh
from mmisr.ops.grid import Grid
from mmisr.structures.checks import check_fields, keep_integers
from mmisr.structures.marks import Mark

VISIBLE = 0.7
"""An object counts in a tile that holds at least this share of its area.

Source: captain-whu/DOTA_devkit, ImgSplit.
"""

WINDOW = "window"
"""Key of an image's part that is read instead of it: x1, y1, x2, y2 in pixels of the file."""

DIGITS = 6
"""Of what is written of a box: sums and differences leave more."""

Window = tuple[int, int, int, int]
Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class Tiles:
    """How images are cut into overlapping tiles.

    Args:
        size: Side of a tile in pixels; an image that is smaller is one tile.
        overlap: Pixels that neighbours share.
        visible: Share of its area that a tile must hold of an object; with less of it, it counts
            neither way there, as ``ignore``.

    Raises:
        ValueError: A value is out of its range.
    """

    size: int
    overlap: int = 0
    visible: float = VISIBLE

    def __post_init__(self) -> None:
        check_fields(self, "tiles")
        keep_integers(self, "size", "overlap")
        if not 0 <= self.overlap < self.size:
            raise ValueError(
                f"tiles need 0 <= overlap < size, got overlap={self.overlap}, size={self.size}"
            )
        if not 0 < self.visible <= 1:
            raise ValueError(f"tiles need 0 < visible <= 1, got {self.visible}")

    def windows(
        self, wh: tuple[int, int], multiple: int = 1, name: str = "an image"
    ) -> list[Window]:
        """The tiles of an image, row by row; the last ones end with the image.

        Args:
            wh: Width and height of the image.
            multiple: Tiles begin and end at multiples of it: the SR scale, so that LR pixels of a
                tile are those of the image. A rest at the right and below is left out.
            name: Of the image, for the message.

        Raises:
            ImageError: The image is smaller than one.
            ValueError: Size or overlap is no multiple.

        Example:
            >>> Tiles(100, 20).windows((150, 60))
            [(0, 0, 100, 60), (50, 0, 150, 60)]
        """
        if self.size % multiple or self.overlap % multiple:
            raise ValueError(
                f"tiles.size and tiles.overlap must be multiples of {multiple}, by which images "
                f"are reduced, got {self.size} and {self.overlap}"
            )
        width, height = wh
        check_reducible((height, width), multiple, name)
        width -= width % multiple
        height -= height % multiple
        frame_hw = height, width
        size_hw = self.size, self.size
        overlap_hw = self.overlap, self.overlap
        grid = Grid(frame_hw, size_hw, overlap_hw)
        found = []
        for x1, y1, x2, y2 in grid.windows().tolist():
            window = x1, y1, x2, y2
            found.append(window)
        return found


def seen_in(window: Sequence[int], xyxy: Boxes) -> tuple[Boxes, NDArray[np.float64]]:
    """What a tile shows of boxes.

    Args:
        window: x1, y1, x2, y2 of the tile in the image.
        xyxy: (N, 4) boxes in the image.

    Returns:
        (N, 4) their parts, in pixels of the tile, as exact as they are written, and (N,) the share
        of their area that these are; 0 for boxes that have no area there.

    Example:
        >>> parts, shares = seen_in((10, 0, 20, 10), np.array([[5.0, 0, 15, 10]]))
        >>> parts.tolist(), shares.tolist()
        ([[0.0, 0.0, 5.0, 10.0]], [0.5])
    """
    left, top, right, bottom = window
    height = bottom - top
    width = right - left
    corner = [left, top, left, top]
    in_tile = xyxy - np.array(corner)
    hw = height, width
    clipped = clip(in_tile, hw)
    # Sums and differences leave slivers of boxes that only touch the tile.
    parts = np.round(clipped, DIGITS)
    whole = area(xyxy)
    shown = area(clipped)
    has_area = (whole > 0) & (area(parts) > 0)
    shares = np.zeros_like(whole)
    of_whole = shown[has_area] / whole[has_area]
    shares[has_area] = of_whole
    return parts, shares


def tiled(
    infos: Sequence[Mapping[str, Any]], tiles: Tiles, multiple: int = 1
) -> list[dict[str, Any]]:
    """The images of a data set as their tiles, which are cut when they are read.

    Convention: boxes are in pixels of the tile, as if it were a file of its own; ``height`` and
    ``width`` stay the file's. Ids count from 1 in order, as those of tiles on disk do.

    Args:
        infos: Images with ``height``, ``width`` and ``instances`` (``bbox`` xyxy, ``ignore_flag``,
            ``marks``).
        tiles: How they are cut.
        multiple: See :meth:`Tiles.windows`.
    """
    found: list[dict[str, Any]] = []
    for info in infos:
        wh = info["width"], info["height"]
        for window in tiles.windows(wh, multiple, info["img_path"]):
            number = len(found) + 1
            instances = info["instances"]
            # All else is the file's.
            tile = dict(info)
            tile["img_id"] = number
            tile[WINDOW] = window
            tile["instances"] = _instances_in(window, instances, tiles.visible)
            found.append(tile)
    return found


def _instances_in(
    window: Window, instances: Sequence[Mapping[str, Any]], visible: float
) -> list[dict[str, Any]]:
    """What a tile shows of objects: one that is cut off counts neither way, a crowd never did."""
    boxes = [instance["bbox"] for instance in instances]
    xyxy = np.array(boxes, dtype=np.float64)
    parts, shares = seen_in(window, xyxy.reshape(-1, 4))
    areas = area(parts)
    shown = []
    for index in np.flatnonzero(shares):
        part = dict(instances[index])
        part["bbox"] = parts[index].tolist()
        part["area"] = float(areas[index])
        marks = Mark(part["marks"])
        if _counts_no_more(shares[index], visible, Mark.CROWD in marks):
            part["ignore_flag"] = 1
            part["marks"] = int(marks | Mark.IGNORE)
        shown.append(part)
    return shown


def _counts_no_more(share: float, visible: float, is_crowd: bool) -> bool:
    """Whether an object becomes ``ignore`` in a tile: it is cut off, and counted before."""
    return round(share, DIGITS) < visible and not is_crowd


def shapes_in(window: Window, instances: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects with their masks in pixels of a tile.

    Args:
        window: x1, y1, x2, y2 of the tile in the image.
        instances: ``mask`` as COCO's files have it, in pixels of the image, where masks are loaded.
    """
    moved = []
    for instance in instances:
        mask = instance.get("mask")
        if mask is not None:
            instance = {**instance, "mask": _shape_in(window, mask)}
        moved.append(instance)
    return moved


def _shape_in(window: Window, shape: Any) -> Any:
    """Polygons, which may go on beyond the tile, or run lengths."""
    if isinstance(shape, Mapping):
        return _runs_in(window, shape)
    left, top, _, _ = window
    polygons = []
    for polygon in shape:
        points = np.array(polygon, dtype=np.float64)
        points[0::2] -= left
        points[1::2] -= top
        polygons.append(points.tolist())
    return polygons


def _runs_in(window: Window, rle: Mapping[str, Any]) -> dict[str, Any]:
    """Run lengths of what a tile shows of a mask."""
    from pycocotools import mask as coco_masks  # here, because boxes need none

    counts = rle["counts"]
    if isinstance(counts, list):
        height, width = rle["size"]
        rle = coco_masks.frPyObjects(rle, height, width)
    # (h, w) uint8 of 0 and 1.
    pixels = coco_masks.decode(rle)
    shown = cut_window(pixels, window)
    by_column = np.asfortranarray(shown)
    cut = coco_masks.encode(by_column)
    counts = cut["counts"].decode()
    return {"size": cut["size"], "counts": counts}


def cut_window(image: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    """A tile's pixels of an image, (H, W, ...)."""
    left, top, right, bottom = window
    return image[top:bottom, left:right]


def annotations_in(
    window: Window, annotations: Sequence[Mapping[str, Any]], visible: float = VISIBLE
) -> Iterator[dict[str, Any]]:
    """The same for the entries of a COCO file: those that reach into a tile, boxes alone.

    Args:
        window: x1, y1, x2, y2 of the tile in the image.
        annotations: Of the image.
        visible: See :class:`Tiles`.
    """
    boxes = [annotation["bbox"] for annotation in annotations]
    xywh = np.array(boxes, dtype=np.float64)
    xyxy = xywh.reshape(-1, 4).copy()
    xyxy[:, 2:] += xyxy[:, :2]
    parts, shares = seen_in(window, xyxy)
    written = np.round(to_xywh(parts), DIGITS)
    for index in np.flatnonzero(shares):
        found = dict(annotations[index])
        found.pop("segmentation", None)
        bbox = written[index].tolist()
        found["bbox"] = bbox
        found["area"] = bbox[2] * bbox[3]
        if _counts_no_more(shares[index], visible, bool(found.get("iscrowd"))):
            found["ignore"] = 1
        yield found
