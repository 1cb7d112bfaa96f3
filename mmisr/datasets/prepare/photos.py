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
    complete = [is_complete(out / f"{side}.json", out / side, VERSION) for side in SIDES]
    lines = []
    if all(complete):
        lines.append(f"{out} is there already; delete it to make it anew")
    else:
        for side, names in SIDES.items():
            _write(out, side, names)
    return lines + [summary(f"photos {side}", out / f"{side}.json") for side in SIDES]


def _write(out: Path, side: str, names: tuple[str, ...]) -> None:
    writer = CocoWriter(out / side, ["none"], VERSION)
    no_boxes = np.zeros((0, 4))
    for name in names:
        pixels = np.asarray(Image.open(_shipped(name)).convert("RGB"))
        writer.add(f"{Path(name).stem}.png", pixels, no_boxes, np.zeros(0, dtype=int))
    writer.write(out / f"{side}.json")


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
