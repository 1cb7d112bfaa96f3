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
    """Check the frames, copy them, and write ``train.json`` and ``val.json`` with one class, ``vehicle``.

    98 % of the boxes are cars, so the five classes of the source are one here; they are kept in ``train_5class.json``
    and ``val_5class.json``. Six boxes of the source leave their frame by up to 1.3 pixels and are clipped to it.

    Args:
        src: Folder with ``images/``, ``instances_train.json`` and ``instances_val.json``.
        out: Folder of the data set.

    Returns:
        Lines for the terminal: counts by size.

    Raises:
        FileNotFoundError: ``src`` lacks an annotation file.
        ValueError: An image is missing or damaged, or a side does not have its frames and boxes.
    """
    files = [out / f"{side}{classes}.json" for side in SIDES for classes in ("_5class", "")]
    lines = [f"{out} is there already; delete it to make it anew"]
    if not all(is_complete(file, out / "images", VERSION) for file in files):
        (out / "images").mkdir(parents=True, exist_ok=True)
        for side in SIDES:
            _copy(src, out, side)
        lines = []
    return lines + [summary(f"aerial cars {side}", out / f"{side}.json") for side in SIDES]


def _copy(src: Path, out: Path, side: str) -> None:
    content = read_annotations(str(src / f"instances_{side}.json"))
    found = len(content["images"]), len(content["annotations"])
    if found != SIDES[side]:
        raise ValueError(
            f"{src}/instances_{side}.json must list {SIDES[side][0]} frames and {SIDES[side][1]} "
            f"boxes, it lists "
            f"{found[0]} and {found[1]}; --src must be the aerial-cars folder as published"
        )
    images = [{**image, "file_name": Path(image["file_name"]).name} for image in content["images"]]
    for image in images:
        path = src / "images" / image["file_name"]
        hw = check_file(str(path), decode=True)
        check_annotated_size({**image, "img_path": str(path)}, hw)
        shutil.copyfile(path, out / "images" / image["file_name"])
    annotations = list(_clipped(images, content["annotations"]))
    content |= {"info": {**content.get("info", {}), "mmisr": VERSION}, "images": images}
    write_json({**content, "annotations": annotations}, out / f"{side}_5class.json")
    one_class = [{**a, "category_id": 1} for a in annotations]
    categories = [{"id": 1, "name": "vehicle"}]
    write_json(
        {**content, "annotations": one_class, "categories": categories}, out / f"{side}.json"
    )


def _clipped(
    images: list[dict[str, Any]], annotations: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    sizes = {image["id"]: (image["width"], image["height"]) for image in images}
    for a in annotations:
        x, y, w, h = a["bbox"]
        right, bottom = (
            min(edge, side) for edge, side in zip((x + w, y + h), sizes[a["image_id"]], strict=True)
        )
        left, top = max(x, 0), max(y, 0)
        box = [left, top, round(right - left, 2), round(bottom - top, 2)]
        yield {**a, "bbox": box, "area": box[2] * box[3]}
