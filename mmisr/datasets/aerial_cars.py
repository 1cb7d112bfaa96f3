"""Aerial cars: KIT AIS Vehicles in COCO format, from a folder on your disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from mmengine import fileio

from mmisr.datasets.images import read_rgb
from mmisr.datasets.tiles import size_counts

SIDES = {"train": 45, "val": 20}
"""Frames of each side; the two are different sequences of video, never split at random."""


def prepare(src: Path, out: Path) -> list[str]:
    """Check the frames, copy them, and write ``train.json`` and ``val.json`` with one class, ``vehicle``.

    98 % of the boxes are cars, so the five classes of the source are one here; its files are kept as
    ``train_5class.json`` and ``val_5class.json``.

    Args:
        src: Folder with ``images/``, ``instances_train.json`` and ``instances_val.json``.
        out: Folder of the data set.

    Returns:
        Lines for the terminal: counts by size.

    Raises:
        FileNotFoundError: ``src`` lacks a file.
        ValueError: An image is damaged, or a side does not have its frames.
    """
    if (out / "val.json").is_file() and (out / "train.json").is_file():
        return [f"{out} is there already; delete it to make it anew"]
    lines = []
    (out / "images").mkdir(parents=True, exist_ok=True)
    for side, frames in SIDES.items():
        file = src / f"instances_{side}.json"
        if not file.is_file():
            raise FileNotFoundError(f"{file} does not exist; --src must hold images/ and instances_{{train,val}}.json")
        content = fileio.load(str(file))
        if len(content["images"]) != frames:
            raise ValueError(f"{file} must list {frames} frames, it lists {len(content['images'])}")
        for image in content["images"]:
            read_rgb(str(src / "images" / Path(image["file_name"]).name))
            image["file_name"] = Path(image["file_name"]).name
            shutil.copyfile(src / "images" / image["file_name"], out / "images" / image["file_name"])
        fileio.dump(content, str(out / f"{side}_5class.json"))
        one_class = [{**a, "category_id": 1} for a in content["annotations"]]
        categories = [{"id": 1, "name": "vehicle"}]
        fileio.dump({**content, "annotations": one_class, "categories": categories}, str(out / f"{side}.json"))
        counts = ", ".join(f"{k} px: {v}" for k, v in size_counts(one_class, 4).items())
        lines.append(f"aerial cars {side}: {frames} images, {len(one_class)} boxes; side at LR x1/4: {counts}")
    return lines
