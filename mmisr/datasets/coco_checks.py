"""What a COCO annotation file must be before anything is learned from it or measured on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mmengine import fileio
from mmengine.logging import print_log

SHOWN = 5
"""How many offenders an error names."""


def read_annotations(ann_file: str, backend_args: dict[str, Any] | None = None) -> dict[str, Any]:
    """Read a COCO file.

    Args:
        ann_file: Path, on any back end that mmengine's fileio knows.
        backend_args: Arguments of that back end.

    Returns:
        Its content; ``images`` is a list with at least one entry.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not JSON, or not a COCO file with images.
    """
    try:
        content = json.loads(fileio.get_text(ann_file, backend_args=backend_args))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"annotation file {ann_file} does not exist; check data_root and ann_file, or prepare the data set first "
            "(tools/data/ for the project's own)"
        ) from error
    except ValueError as error:  # not JSON, or not text
        raise ValueError(f"{ann_file} must be a JSON file: {error}; it is damaged or of another kind") from error
    if not isinstance(content, dict) or not content.get("images"):
        raise ValueError(f"{ann_file} has no images: a COCO file needs a non-empty list `images`")
    return content


def check_annotations(content: dict[str, Any], ann_file: str, classes: Sequence[str], need_boxes: bool) -> None:
    """Check images, boxes and categories against each other and against the classes of the data set.

    Args:
        content: As :func:`read_annotations` gives it.
        ann_file: Named in messages.
        classes: ``metainfo['classes']``.
        need_boxes: Whether a file without boxes is an error (training) or worth a line in the log (testing).

    Raises:
        ValueError: An image lacks a key, there are no boxes, or categories and classes do not fit.
    """
    for key in ("id", "file_name", "width", "height"):
        lacking = [image for image in content["images"] if key not in image]
        if lacking:
            raise ValueError(f"{ann_file}: every image needs `{key}`; {len(lacking)} have none: {first(lacking)}")
    _check_categories(content, ann_file, classes)
    annotations = content.get("annotations", [])
    if not annotations and need_boxes:
        raise ValueError(
            f"{ann_file} has {len(content['images'])} images and no boxes (`annotations` is empty): "
            "nothing can be learned from it; set test_mode=True to predict only"
        )
    if not annotations:
        print_log(f"{ann_file} has no boxes: predictions can be made, AP cannot be computed", logger="current")
    known = {image["id"] for image in content["images"]}
    strays = sum(a["image_id"] not in known for a in annotations)
    if strays:
        print_log(f"{ann_file}: {strays} boxes belong to images that it does not list; left out", logger="current")


def _check_categories(content: dict[str, Any], ann_file: str, classes: Sequence[str]) -> None:
    categories = content.get("categories", [])
    named = [c["name"] for c in categories]
    way_out = "set metainfo=dict(classes=(...)) in the dataset config"
    absent = [name for name in classes if name not in named]
    if absent:
        raise ValueError(
            f"{ann_file} must have the categories of metainfo['classes']; absent: {first(absent)}; "
            f"it has: {first(named)}; {way_out}"
        )
    in_file = [name for name in named if name in classes]
    if in_file != list(classes):
        raise ValueError(
            f"{ann_file} and metainfo['classes'] must name the categories in one order, because mmdet numbers labels "
            f"by the file; the file has: {first(in_file)}; metainfo: {first(list(classes))}; {way_out}"
        )
    others = {c["id"]: c["name"] for c in categories if c["name"] not in classes}
    dropped = Counter(others[a["category_id"]] for a in content.get("annotations", []) if a["category_id"] in others)
    if dropped:
        print_log(f"{ann_file}: boxes outside metainfo['classes'] are left out: {dict(dropped)}", logger="current")


def first(items: Sequence[Any]) -> str:
    """The first few items, and how many more there are."""
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return "; ".join(str(item) for item in items[:SHOWN]) + more
