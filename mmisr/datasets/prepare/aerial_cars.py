"""Aerial cars: KIT AIS Vehicles in COCO format, from a folder on your disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.images import check_annotated_size, check_file
from mmisr.datasets.prepare.tiles import is_complete, summary, write_json

SIDES = {"train": (45, 1847), "val": (20, 746)}
"""Frames and boxes of each side.

The two are different sequences of video, never split at random.
"""

VERSION = "1"
"""Of the files we write; raised when their boxes change."""


def prepare(src: Path, out: Path) -> list[str]:
    """Check the frames, copy them, and write ``train.json`` and ``val.json``.

    98 % of the boxes are cars, so the five classes of the source are one here, ``vehicle``; they
    are kept in ``train_5class.json`` and ``val_5class.json``. Six boxes of the source leave their
    frame by up to 1.3 pixels and are clipped to it.

    Args:
        src: Folder with ``images/``, ``instances_train.json`` and ``instances_val.json``.
        out: Folder of the data set.

    Returns:
        Lines for the terminal: counts by size.

    Raises:
        FileNotFoundError: ``src`` lacks an annotation file.
        ValueError: An image is missing or damaged, or a side does not have its frames and boxes.
    """
    lines = []
    if _is_there(out):
        lines.append(f"{out} is there already; delete it to make it anew")
    else:
        (out / "images").mkdir(parents=True, exist_ok=True)
        for side in SIDES:
            _copy(src, out, side)
    for side in SIDES:
        lines.append(summary(f"aerial cars {side}", out / f"{side}.json"))
    return lines


def _is_there(out: Path) -> bool:
    """Whether every file and image of this version is there."""
    images = out / "images"
    for side in SIDES:
        for classes in ("_5class", ""):
            ann_file = out / f"{side}{classes}.json"
            if not is_complete(ann_file, images, VERSION):
                return False
    return True


def _copy(src: Path, out: Path, side: str) -> None:
    content = read_annotations(str(src / f"instances_{side}.json"))
    frames, boxes = SIDES[side]
    num_images = len(content["images"])
    num_boxes = len(content["annotations"])
    if (num_images, num_boxes) != (frames, boxes):
        raise ValueError(
            f"{src}/instances_{side}.json must list {frames} frames and {boxes} "
            f"boxes, it lists "
            f"{num_images} and {num_boxes}; --src must be the aerial-cars folder as published"
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
