"""Miniatures of published archives, in their own formats, and what pycocotools reads of them."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from skimage import data

from mmisr.apis.to_coco import Options, Report, to_coco

PHOTO = data.astronaut()


@pytest.fixture(scope="session")
def picture() -> Callable[..., Path]:
    """Writes real pixels under a name."""

    def write(path: Path, wh: tuple[int, int] = (64, 48)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = PHOTO[100 : 100 + wh[1], 150 : 150 + wh[0]]
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
        return path

    return write


@pytest.fixture(scope="session")
def text() -> Callable[..., Path]:
    """Writes text under a name, its lines as given."""

    def write(path: Path, content: str, encoding: str = "utf-8") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(encoding))
        return path

    return write


@pytest.fixture
def convert(tmp_path) -> Callable[..., tuple[dict[str, Report], Callable[[str], COCO]]]:
    """Converts, and gives the reports by split and a reader of the splits by pycocotools."""

    def run(name: str, source: Path, **options):
        out = tmp_path / "coco"
        reports = {r.split: r for r in to_coco(name, source, out, Options(**options))}

        def read(split: str) -> COCO:
            with contextlib.redirect_stdout(io.StringIO()):
                return COCO(str(out / f"{split}.json"))

        return reports, read

    return run


@pytest.fixture(scope="session")
def boxes() -> Callable[[COCO, str], list[tuple]]:
    """Class and box of every annotation of an image, by the end of its name."""

    def of(coco: COCO, file_name: str) -> list[tuple]:
        (image,) = (i for i in coco.imgs.values() if i["file_name"].endswith(f"/{file_name}"))
        found = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        return [(coco.cats[a["category_id"]]["name"], a["bbox"]) for a in found]

    return of
