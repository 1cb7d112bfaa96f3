"""Data sets as they are published in COCO format, and their tiles.

What ``tools/data/to_coco.py`` and ``tools/data/tiles.py`` do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.formats import tiles as overlapping
from mmisr.datasets.formats.catalog import FORMATS, convert
from mmisr.datasets.formats.records import Options
from mmisr.datasets.formats.writing import Report
from mmisr.ops.files import write_text

__all__ = ["FORMATS", "Options", "Report", "cut_tiles", "format_table", "merge_tiles", "to_coco"]


def to_coco(
    name: str, source: str | Path, out: str | Path, options: Options | None = None
) -> list[Report]:
    """Write a COCO file for each split, see :func:`mmisr.datasets.formats.catalog.convert`.

    Args:
        name: The format, one of :data:`FORMATS`.
        source: Folder of the unpacked archive.
        out: Folder of the COCO files.
        options: What there is to say about the files.

    Returns:
        What became of every split.
    """
    return convert(name, Path(source), Path(out), options)


def format_table() -> str:
    """The formats, a line each, for a terminal."""
    return "\n".join(f"  {name:<11} {kind.title}" for name, kind in FORMATS.items())


def cut_tiles(
    ann_file: str | Path, img_dir: str | Path, out: str | Path, size: int = 1024, overlap: int = 200
) -> Path:
    """Cut a COCO set into tiles, see :func:`mmisr.datasets.formats.tiles.cut_tiles`.

    Args:
        ann_file: The COCO file.
        img_dir: Folder of its images.
        out: Folder of the tiles.
        size: Side of a tile in pixels.
        overlap: Pixels that neighbours share.

    Returns:
        The COCO file of the tiles.
    """
    return overlapping.cut_tiles(Path(ann_file), Path(img_dir), Path(out), size, overlap)


def merge_tiles(
    results: str | Path, tiles: str | Path, whole: str | Path, out: str | Path, iou: float = 0.5
) -> int:
    """Write detections on tiles as detections on whole images.

    Args:
        results: COCO results of the tiles.
        tiles: COCO file of the tiles.
        whole: COCO file that they were cut from.
        out: COCO results to write.
        iou: Of two boxes of a class that overlap by more, the one of the lower score goes.

    Returns:
        How many detections were written.
    """
    content = Path(results).read_bytes()
    detections = json.loads(content)
    pieces = _images(tiles)
    images = _images(whole)
    merged = overlapping.merge_tiles(detections, pieces, images, iou)
    text = json.dumps(merged)
    write_text(Path(out), text)
    return len(merged)


def _images(ann_file: str | Path) -> list[dict[str, Any]]:
    content = read_annotations(str(ann_file))
    return list(content["images"])
