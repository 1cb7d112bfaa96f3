"""Overlapping tiles of large images under DOTA's names, and detections on tiles put together.

Source: captain-whu/DOTA_devkit, ImgSplit and ResultMerge. A tile is called
``<image>__<rate>__<left>___<top>``; we cut at rate 1. An object of which less than 0.7 lies in a
tile is marked there, as ``ignore`` (:mod:`mmisr.datasets.tiles`); the devkit writes a difficulty of
2.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.formats.source import FormatError
from mmisr.datasets.formats.writing import MANY, MAX_PIXELS
from mmisr.datasets.images import check_annotated_size, read_rgb
from mmisr.datasets.prepare.tiles import write_json
from mmisr.datasets.tiles import Tiles, Window, annotations_in, cut_window
from mmisr.ops.files import write_image
from mmisr.ops.grid import Pixels, cores_of
from mmisr.ops.merging import MergeRule, owned, surviving

NAME = re.compile(r"(?P<stem>.+)__1__(?P<left>\d+)___(?P<top>\d+)")

UNMOVED = ("segmentation", "keypoints")
"""Keys of results that are places in pixels too; boxes alone are put together."""

Corner = tuple[int, int]


def tile_name(stem: str, corner: Corner) -> str:
    """The name of a tile, without ending.

    Args:
        stem: Name of the image without ending.
        corner: Left and top of the tile in the image.

    Example:
        >>> tile_name("P0003", (824, 0))
        'P0003__1__824___0'
    """
    return f"{stem}__1__{corner[0]}___{corner[1]}"


def tile_place(name: str) -> tuple[str, Corner]:
    """The image of a tile, and its left and top there: the inverse of :func:`tile_name`.

    Args:
        name: Name of the tile without ending.

    Raises:
        FormatError: It is no name of a tile at rate 1.

    Example:
        >>> tile_place("P0003__1__824___0")
        ('P0003', (824, 0))
    """
    match = NAME.fullmatch(name)
    if match is None:
        raise FormatError(
            f"a tile must be called IMAGE__1__LEFT___TOP, found {name!r}. Give the file that "
            f"`tiles.py cut` wrote"
        )
    return match["stem"], (int(match["left"]), int(match["top"]))


def corners(wh: tuple[int, int], size: int, overlap: int) -> list[Corner]:
    """Left and top of the tiles of an image, row by row; the last ones end with the image.

    Args:
        wh: Width and height of the image.
        size: Side of a tile; an image that is smaller is one tile.
        overlap: Pixels that neighbours share.

    Raises:
        ValueError: The overlap is not below the size.

    Example:
        >>> corners((150, 60), 100, 20)
        [(0, 0), (50, 0)]
    """
    windows = Tiles(size, overlap).windows(wh)
    return [(left, top) for left, top, _, _ in windows]


def cut_tiles(ann_file: Path, folder: Path, out: Path, size: int, overlap: int) -> Path:
    """Cut the images of a COCO file into tiles, with their boxes.

    Tiles that are there already are not cut again: the same call goes on where one ended early.

    Args:
        ann_file: The COCO file.
        folder: Of its images.
        out: Folder for ``images/`` and ``<name of ann_file>_tiles.json``.
        size: Side of a tile in pixels.
        overlap: Pixels that neighbours share.

    Returns:
        The COCO file of the tiles.

    Raises:
        FormatError: Names of images repeat before their ending, or tiles of another size are there.
        ValueError: The file is no COCO file, an image cannot be read or is of another size than
            the file says, or size and overlap do not fit.
    """
    content = read_annotations(str(ann_file))
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        of_image = by_image[annotation["image_id"]]
        of_image.append(annotation)
    tiles: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    images = content["images"]
    _by_name(images)  # which raises where tiles would share names
    quiet = len(images) < MANY
    bar = tqdm(images, desc="tiles", unit="image", leave=False, disable=quiet)
    for image in bar:
        wh = (image["width"], image["height"])
        places = corners(wh, size, overlap)
        entries = {corner: _entry(image, corner, size) for corner in places}
        _write_pixels(image, entries, folder, out / "images")
        inside = by_image[image["id"]]
        for corner, tile in entries.items():
            tiles.append(tile)
            tile["id"] = len(tiles)
            for annotation in annotations_in(_window(tile, corner), inside):
                annotations.append({**annotation, "image_id": tile["id"]})
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
    path = out / f"{ann_file.stem}_tiles.json"
    found = {
        "images": tiles,
        "annotations": annotations,
        "categories": content["categories"],
    }
    write_json(found, path)
    return path


def _by_name(images: Sequence[dict[str, Any]]) -> dict[Path, dict[str, Any]]:
    """Images by their names without ending, which are all that tiles have of them."""
    found: dict[Path, dict[str, Any]] = {}
    for image in images:
        path = Path(image["file_name"])
        name = path.with_suffix("")
        if name in found:
            raise FormatError(
                f"names of images must differ before their ending, found "
                f"{found[name]['file_name']} and {path}: their tiles would share names. Rename one"
            )
        found[name] = image
    return found


def _file_of(name: str, corner: Corner) -> str:
    path = Path(name)
    tile = tile_name(path.stem, corner)
    return path.with_name(f"{tile}.png").as_posix()


def _write_pixels(
    image: dict[str, Any], tiles: Mapping[Corner, dict[str, Any]], folder: Path, out: Path
) -> None:
    targets = {}
    for corner, tile in tiles.items():
        target = out / tile["file_name"]
        if target.is_file():
            _check_tile(target, (tile["width"], tile["height"]))
        else:
            targets[corner] = target
    if not targets:
        return
    path = str(folder / image["file_name"])
    pixels = read_rgb(path, max_pixels=MAX_PIXELS)
    height, width = pixels.shape[:2]
    check_annotated_size({**image, "img_path": path}, (height, width))
    for corner, target in targets.items():
        window = _window(tiles[corner], corner)
        pixels_of_tile = np.ascontiguousarray(cut_window(pixels, window))
        write_image(target, Image.fromarray(pixels_of_tile))


def _check_tile(path: Path, wh: tuple[int, int]) -> None:
    """A tile that is there must be of this call's size, which its name does not say."""
    try:
        with Image.open(path) as tile:
            found = "{}x{}".format(*tile.size)
    except UnidentifiedImageError:
        found = "no image"
    wanted = "{}x{}".format(*wh)
    if found != wanted:
        raise FormatError(
            f"{path} is there already and must be {wanted}, found {found}: tiles of another --size "
            f"have the same names. Give another --out, or remove the folder of the tiles"
        )


def _entry(image: dict[str, Any], corner: Corner, size: int) -> dict[str, Any]:
    left, top = corner
    return {
        "file_name": _file_of(image["file_name"], corner),
        "width": min(size, image["width"] - left),
        "height": min(size, image["height"] - top),
    }


def _window(tile: dict[str, Any], corner: Corner) -> Window:
    left, top = corner
    return left, top, left + tile["width"], top + tile["height"]


def merge_tiles(
    detections: Sequence[dict[str, Any]],
    tiles: Sequence[dict[str, Any]],
    images: Sequence[dict[str, Any]],
    iou_threshold: float = 0.5,
) -> list[dict[str, Any]]:
    """Detections on tiles as detections on the images that they were cut from.

    Boxes are moved by the corner in the tile's name. What neighbours both found is found once, by
    the rule of slices and windows: a detection counts in the tile whose core holds its centre
    (:class:`mmisr.ops.grid.Grid`), then boxes suppress each other within each image and class.

    Args:
        detections: COCO results with the tiles' ids, boxes as left, top, width, height.
        tiles: ``images`` of the tiles' COCO file.
        images: ``images`` of the whole images' COCO file.
        iou_threshold: Of two boxes that overlap by more, the one of the lower score goes.

    Returns:
        COCO results with the images' ids, by image and falling score.

    Raises:
        FormatError: A tile belongs to no image, a detection to no tile, or it is not a box alone.
    """
    places = _places(tiles, images)
    by_tile: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for detection in detections:
        _check_box_alone(detection)
        tile = detection["image_id"]
        if tile not in places:
            raise FormatError(
                f"a detection must be on one of the {len(places)} tiles, found image_id {tile!r}. "
                f"Give results of the file that `tiles.py cut` wrote"
            )
        of_tile = by_tile[tile]
        of_tile.append(detection)
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for tile, found in by_tile.items():
        place = places[tile]
        of_image = by_image[place.image]
        of_image.extend(place.owned(found))
    merged = []
    for image in sorted(by_image):
        merged += _suppressed(by_image[image], iou_threshold)
    return merged


def _check_box_alone(detection: dict[str, Any]) -> None:
    """What else is in a tile's pixels would not be moved with its box."""
    for key in UNMOVED:
        if key in detection:
            raise FormatError(
                f"a detection must be a box alone, found `{key}`, in pixels of its tile. Give "
                f"results of boxes, such as found.bbox.json beside found.segm.json"
            )


@dataclass(frozen=True)
class _Place:
    """Where a tile lies: image and its size, corner there, and what of it the tile answers for."""

    image: Any
    hw: tuple[int, int]
    corner: Corner
    core: Pixels

    def owned(self, detections: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Detections on the tile, as those on the image that are the tile's to report."""
        left, top = self.corner
        moved = []
        for detection in detections:
            x, y, w, h = detection["bbox"]
            bbox = [x + left, y + top, w, h]
            moved.append({**detection, "image_id": self.image, "bbox": bbox})
        core = torch.from_numpy(self.core)
        is_owned = owned(_xyxy(moved), core, self.hw)
        return [*compress(moved, is_owned.tolist())]


def _xyxy(detections: Sequence[dict[str, Any]]) -> torch.Tensor:
    """(N, 4) float64 boxes of COCO results."""
    boxes = []
    for detection in detections:
        x, y, w, h = detection["bbox"]
        xyxy = [x, y, x + w, y + h]
        boxes.append(xyxy)
    return torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4)


def _places(tiles: Sequence[dict[str, Any]], images: Sequence[dict[str, Any]]) -> dict[Any, _Place]:
    """Where each tile lies, by its id."""
    whole = _by_name(images)
    by_image: dict[Path, dict[Any, Window]] = defaultdict(dict)
    for tile in tiles:
        path = Path(tile["file_name"])
        stem, corner = tile_place(path.stem)
        name = path.with_name(stem)
        if name not in whole:
            raise FormatError(
                f"tile {path} must be of an image of the whole set, found none called {name}. Give "
                f"the COCO file that the tiles were cut from"
            )
        of_image = by_image[name]
        of_image[tile["id"]] = _window(tile, corner)
    places = {}
    for name, windows in by_image.items():
        image = whole[name]
        hw = image["height"], image["width"]
        cores = cores_of(np.array([*windows.values()]))
        for core, (tile_id, window) in zip(cores, windows.items(), strict=True):
            places[tile_id] = _Place(image["id"], hw, window[:2], core)
    return places


def _suppressed(detections: list[dict[str, Any]], iou_threshold: float) -> list[dict[str, Any]]:
    scores = []
    labels = []
    for detection in detections:
        scores.append(detection["score"])
        labels.append(detection["category_id"])
    kept = surviving(
        _xyxy(detections),
        torch.tensor(scores, dtype=torch.float64),
        torch.tensor(labels),
        MergeRule(iou_threshold),
    )
    return [detections[place] for place in kept.tolist()]
