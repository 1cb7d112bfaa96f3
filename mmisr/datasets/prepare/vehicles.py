"""Vehicles from the air in COCO format, from a folder on your disk: one class out of several."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.images import check_annotated_size, check_file
from mmisr.datasets.prepare.tiles import is_complete, summary, write_json

VERSION = "1"
"""Of the files we write; raised when their boxes change."""


@dataclass(frozen=True)
class VehicleSet:
    """One data set as it is published.

    Args:
        name: What people call it.
        sides: Frames and boxes of each side. The sides are different scenes of video, never split
            at random.
        places: Where the frames of ``val`` were taken, as their ``place`` says; each gets an
            annotation file of its own, ``val_<place>.json``.
    """

    name: str
    sides: dict[str, tuple[int, int]]
    places: tuple[str, ...] = ()


AERIAL_CARS = VehicleSet("aerial cars", {"train": (45, 1847), "val": (20, 746)})
"""KIT AIS Vehicles. Six boxes leave their frame by up to 1.3 pixels and are clipped to it."""

DRONE_CARS = VehicleSet(
    "drone cars", {"train": (30, 403), "val": (19, 452)}, places=("crossing", "avenue")
)
"""Drone frames of the Minsk OpenStreetMap community; one place of ``val`` is that of ``train``."""


def prepare(kind: VehicleSet, src: Path, out: Path) -> list[str]:
    """Check the frames, copy them, and write ``train.json`` and ``val.json``.

    Nearly all boxes are cars, so the five classes of the source are one here, ``vehicle``; they
    are kept in ``train_5class.json`` and ``val_5class.json``.

    Args:
        kind: Which data set.
        src: Folder with ``images/``, ``instances_train.json`` and ``instances_val.json``.
        out: Folder of the data set.

    Returns:
        Lines for the terminal: counts by size.

    Raises:
        FileNotFoundError: ``src`` lacks an annotation file.
        ValueError: An image is missing or damaged, or a side does not have its frames and boxes.
    """
    lines = []
    if _is_there(kind, out):
        lines.append(f"{out} is there already; delete it to make it anew")
    else:
        (out / "images").mkdir(parents=True, exist_ok=True)
        for side in kind.sides:
            _copy(kind, src, out, side)
    for side in kind.sides:
        lines.append(summary(f"{kind.name} {side}", out / f"{side}.json"))
    return lines


def _is_there(kind: VehicleSet, out: Path) -> bool:
    """Whether every file and image of this version is there."""
    names = [f"val_{place}" for place in kind.places]
    for side in kind.sides:
        names += [side, f"{side}_5class"]
    for name in names:
        ann_file = out / f"{name}.json"
        if not is_complete(ann_file, out / "images", VERSION):
            return False
    return True


def _copy(kind: VehicleSet, src: Path, out: Path, side: str) -> None:
    content = read_annotations(str(src / f"instances_{side}.json"))
    frames, boxes = kind.sides[side]
    num_images = len(content["images"])
    num_boxes = len(content["annotations"])
    if (num_images, num_boxes) != (frames, boxes):
        raise ValueError(
            f"{src}/instances_{side}.json must list {frames} frames and {boxes} boxes, it lists "
            f"{num_images} and {num_boxes}; --src must be the folder of {kind.name} as published"
        )
    for image in content["images"]:
        image["file_name"] = Path(image["file_name"]).name
        source = src / "images" / image["file_name"]
        target = out / "images" / image["file_name"]
        hw = check_file(str(source), decode=True)
        check_annotated_size({**image, "img_path": str(source)}, hw)
        shutil.copyfile(source, target)
    content.setdefault("info", {})
    content["info"]["mmisr"] = VERSION
    clipped = _clipped(content["images"], content["annotations"])
    content["annotations"] = list(clipped)
    write_json(content, out / f"{side}_5class.json")
    for annotation in content["annotations"]:
        annotation["category_id"] = 1
    content["categories"] = [{"id": 1, "name": "vehicle"}]
    write_json(content, out / f"{side}.json")
    if side == "val":
        for place in kind.places:
            write_json(_at(place, content), out / f"val_{place}.json")


def _at(place: str, content: dict[str, Any]) -> dict[str, Any]:
    """The images of one place, and their annotations."""
    images = [image for image in content["images"] if image["place"] == place]
    ids = {image["id"] for image in images}
    annotations = [a for a in content["annotations"] if a["image_id"] in ids]
    return {**content, "images": images, "annotations": annotations}


def _clipped(
    images: list[dict[str, Any]], annotations: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Every annotation with its box inside its image, to a hundredth of a pixel."""
    image_of = {image["id"]: image for image in images}
    for annotation in annotations:
        image = image_of[annotation["image_id"]]
        x, y, w, h = annotation["bbox"]
        left = max(x, 0)
        top = max(y, 0)
        right = min(x + w, image["width"])
        bottom = min(y + h, image["height"])
        width = round(right - left, 2)
        height = round(bottom - top, 2)
        bbox = [left, top, width, height]
        yield {**annotation, "bbox": bbox, "area": width * height}
