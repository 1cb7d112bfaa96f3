"""What a COCO annotation file must be before anything is learned from it or measured on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.fileio import list_from_file
from mmengine.logging import print_log

SHOWN = 5
"""How many offenders an error names."""

LONGEST = 600
"""Characters of one offender that are shown.

A path and a sentence fit, a damaged name of a megabyte does not.
"""


def class_names(classes: Any) -> tuple[str, ...]:
    """The names in ``metainfo['classes']``.

    One text is one name (a lost comma), or a file with a name a line.

    Args:
        classes: As the config has it.

    Raises:
        ValueError: It is no list.
    """
    if isinstance(classes, str):
        return tuple(list_from_file(classes)) if Path(classes).is_file() else (classes,)
    if not isinstance(classes, Sequence):
        raise ValueError(
            f"metainfo['classes'] must be a tuple of names, got {classes!r}; write "
            f"classes=('tree', 'car')"
        )
    return tuple(classes)


def check_annotations(
    content: dict[str, Any], ann_file: str, classes: Sequence[str], need_boxes: bool
) -> None:
    """Check boxes and categories against the classes of the data set.

    Args:
        content: As :func:`mmisr.datasets.coco_file.read_annotations` gives it.
        ann_file: Named in messages.
        classes: ``metainfo['classes']``.
        need_boxes: Whether a file without boxes is an error (training) or worth a line in the log
            (testing).

    Raises:
        ValueError: There are no boxes, or categories and classes do not fit.
    """
    _check_categories(content, ann_file, classes)
    annotations = content["annotations"]
    if not annotations and need_boxes:
        raise ValueError(
            f"{ann_file} has {len(content['images'])} images and no boxes (`annotations` is "
            f"empty): "
            "nothing can be learned from it; set test_mode=True to predict only, or "
            "need_boxes=False for an editor that learns from pixels alone"
        )
    if not annotations:
        print_log(
            f"{ann_file} has no boxes: predictions can be made, AP cannot be computed",
            logger="current",
        )
    known = {image["id"] for image in content["images"]}
    strays = sum(a["image_id"] not in known for a in annotations)
    if strays:
        print_log(
            f"{ann_file}: {strays} boxes belong to images that it does not list; left out",
            logger="current",
        )


def _check_categories(content: dict[str, Any], ann_file: str, classes: Sequence[str]) -> None:
    categories = content["categories"]
    named = [c["name"] for c in categories]
    _check_one_category_a_class(content, ann_file, classes)
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
            f"{ann_file} and metainfo['classes'] must name the categories in one order, because "
            f"mmdet numbers labels "
            f"by the file; the file has: {first(in_file)}; metainfo: {first(list(classes))}; "
            f"{way_out}"
        )
    others = {c["id"]: c["name"] for c in categories if c["name"] not in classes}
    dropped = Counter(
        others[a["category_id"]] for a in content["annotations"] if a["category_id"] in others
    )
    if dropped:
        print_log(
            f"{ann_file}: boxes outside metainfo['classes'] are left out: {dict(dropped)}",
            logger="current",
        )


def _check_one_category_a_class(
    content: dict[str, Any], ann_file: str, classes: Sequence[str]
) -> None:
    for name, count in Counter(classes).items():
        if count > 1:
            raise ValueError(
                f"metainfo['classes'] must name every class once, it has {name!r} {count} times"
            )
        ids = [c["id"] for c in content["categories"] if c["name"] == name]
        if len(ids) < 2:
            continue
        counts = Counter(a["category_id"] for a in content["annotations"])
        found = [f"id {i!r} with {counts[i]} boxes" for i in ids]
        raise ValueError(
            f"{ann_file} must have one category of the name {name!r}, it has {len(ids)}: "
            f"{first(found)}. Some tools write a "
            "root category under the name of the whole set: remove or rename the one that is not "
            "meant, in `categories`"
        )


def first(items: Sequence[Any]) -> str:
    """The first few items, and how many more there are; of a long one, its two ends."""
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return "; ".join(_ends(str(item)) for item in items[:SHOWN]) + more


def _ends(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
