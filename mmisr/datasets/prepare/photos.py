"""A handful of natural photos that scikit-image ships, in COCO format, without annotations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mmisr.datasets.prepare.tiles import CocoWriter, is_complete, summary

VERSION = "1"
"""Of the files; raised when their pixels change, so that old ones are made anew."""

SIDES = {
    "train": ("astronaut.png", "coffee.png", "motorcycle_left.png"),
    "val": ("chelsea.png", "rocket.jpg"),
}


def prepare(out: Path) -> list[str]:
    """Write ``train.json``, ``val.json`` and the photos under ``out``.

    Nothing is done where they are there already.

    Args:
        out: Folder of the data set.

    Returns:
        Lines for the terminal.

    Raises:
        FileNotFoundError: scikit-image is not installed, or ships a photo no more.
    """
    lines = []
    if _is_there(out):
        lines.append(f"{out} is there already; delete it to make it anew")
    else:
        for side, names in SIDES.items():
            _write(out, side, names)
    for side in SIDES:
        ann_file = out / f"{side}.json"
        line = summary(f"photos {side}", ann_file)
        lines.append(line)
    return lines


def _is_there(out: Path) -> bool:
    """Whether both sides of this version are there."""
    for side in SIDES:
        ann_file = out / f"{side}.json"
        folder = out / side
        if not is_complete(ann_file, folder, VERSION):
            return False
    return True


def _write(out: Path, side: str, names: tuple[str, ...]) -> None:
    folder = out / side
    writer = CocoWriter(folder, ["none"], VERSION)
    no_boxes = np.zeros((0, 4))
    no_labels = np.zeros(0, dtype=int)
    for name in names:
        path = _shipped(name)
        photo = Image.open(path).convert("RGB")
        pixels = np.asarray(photo)
        writer.add(f"{path.stem}.png", pixels, no_boxes, no_labels)
    ann_file = out / f"{side}.json"
    writer.write(ann_file)


def _shipped(name: str) -> Path:
    # Here, because nothing else of the data tools needs it.
    try:
        import skimage
    except ImportError as error:
        raise FileNotFoundError(
            "the photos come with scikit-image, which is not installed: pip install scikit-image"
        ) from error
    path = Path(skimage.__file__).parent / "data" / name
    if not path.is_file():
        raise FileNotFoundError(
            f"this scikit-image does not ship {path}; install scikit-image 0.26"
        )
    return path
