"""A small COCO-format data set of real pixels, on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

PHOTO = data.astronaut()
DEFAULT = [[8, 8, 16, 12], [30, 20, 9, 21]]
"""Boxes (x, y, w, h) of every image unless others are given."""


@pytest.fixture
def coco(tmp_path) -> Callable[..., Path]:
    """Write images, a list of (name, width, height), and their boxes.

    Gives the folder of ``ann.json``.
    """

    def write(
        images=(("a.png", 64, 48), ("b.png", 61, 50)), boxes=None, classes=("thing",), **parts
    ) -> Path:
        (tmp_path / "images").mkdir(exist_ok=True)
        content = {"images": [], "annotations": [], "categories": []}
        for number, (name, width, height) in enumerate(images, 1):
            pixels = PHOTO[40 * number : 40 * number + height, 100 : 100 + width]
            Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "images" / name)
            content["images"].append(
                {"id": number, "file_name": name, "width": width, "height": height}
            )
            for box in DEFAULT if boxes is None else boxes:
                content["annotations"].append(
                    {
                        "id": len(content["annotations"]) + 1,
                        "image_id": number,
                        "category_id": 1,
                        "bbox": box,
                        "area": box[2] * box[3] if len(box) == 4 else 1,
                        "iscrowd": 0,
                    }
                )
        content["categories"] = [{"id": i, "name": name} for i, name in enumerate(classes, 1)]
        (tmp_path / "ann.json").write_text(json.dumps(content | parts))
        return tmp_path

    return write
