"""What is wrong with an annotation file, whatever its images look like."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from mmisr.analysis.set_check.findings import Finding, SetSource, found
from mmisr.datasets.coco_boxes import BoxInImage, box_in_image
from mmisr.datasets.coco_values import is_ignored, shown

Content = dict[str, Any]
"""A COCO file as :func:`mmisr.datasets.coco_file.read_annotations` gives it."""

KINDS = {5: ", as of a rotated box", 8: ", as of a polygon"}
"""What a ``bbox`` of so many numbers probably is."""

MEND = "mend them in the file, or set bad_boxes='clip' or 'skip' of mmisr.SRCocoDataset"


def annotation_findings(source: SetSource, content: Content) -> list[Finding]:
    """All that can be said without opening an image.

    Args:
        source: The set.
        content: Of its annotation file.

    Returns:
        Findings, in the order of the checks.
    """
    return [
        *_names(source, content),
        *_boxes(source, content),
        *_duplicates(source, content),
        *_classes(source, content),
        *_strays(source, content),
        *_empty(source, content),
    ]


def boxes_in_images(content: Content) -> Iterator[tuple[Content, Content, BoxInImage]]:
    """Every annotation of a listed image, with its image and what is left of its box.

    Args:
        content: Of an annotation file.

    Yields:
        Annotation, image and box.
    """
    images = {image["id"]: image for image in content["images"]}
    for annotation in content["annotations"]:
        image = images.get(annotation["image_id"])
        if image is not None:
            box = box_in_image(annotation.get("bbox"), image["width"], image["height"])
            yield annotation, image, box


def _names(source: SetSource, content: Content) -> list[Finding]:
    names = Counter(image["file_name"] for image in content["images"])
    repeated = [f"{name} ({count} times)" for name, count in names.items() if count > 1]
    return found(
        "error",
        source.name,
        "duplicate-names",
        "file names that stand in `images` more than once",
        repeated,
        "list every file once, with all of its annotations under one id",
    )


def _boxes(source: SetSource, content: Content) -> list[Finding]:
    wrong: dict[str, list[str]] = defaultdict(list)
    for annotation, image, box in boxes_in_images(content):
        kind = _kind(box)
        if kind is not None:
            size = f"{image['width']}x{image['height']}"
            where = f"annotation {annotation['id']} of {image['file_name']} ({size})"
            guess = KINDS.get(box.numbers, "")
            wrong[kind].append(f"{where}: {shown(annotation.get('bbox'))}{guess}")
    return [
        *found(
            "error", source.name, "no-box", "boxes that are not x, y, w, h", wrong["numbers"], MEND
        ),
        *found("error", source.name, "no-area", "boxes without area", wrong["area"], MEND),
        *found(
            "error",
            source.name,
            "outside",
            "boxes that leave their image by more than a pixel",
            wrong["outside"],
            MEND,
        ),
        *found(
            "note",
            source.name,
            "rounded",
            "boxes that leave their image by a pixel at most, and are clipped",
            wrong["rounded"],
        ),
    ]


def _kind(box: BoxInImage) -> str | None:
    """What is wrong with a box; None where nothing is."""
    if box.numbers != 4:
        return "numbers"
    if box.is_outside:
        return "outside"
    if box.is_empty:
        return "area"
    return "rounded" if box.overshoot > 0 else None


def _duplicates(source: SetSource, content: Content) -> list[Finding]:
    """Boxes that are there twice: the same object, of one class or of two."""
    seen: dict[tuple, Any] = {}
    same: list[str] = []
    other: list[str] = []
    for annotation, image, box in boxes_in_images(content):
        if is_ignored(annotation) or box.is_empty:
            continue
        place = (image["id"], box.xyxy)
        first = seen.setdefault(place, annotation)
        if first is annotation:
            continue
        text = f"annotations {first['id']} and {annotation['id']} of {image['file_name']}"
        is_same_class = first["category_id"] == annotation["category_id"]
        (same if is_same_class else other).append(text)
    return [
        *found(
            "warning",
            source.name,
            "duplicate-annotations",
            "annotations that repeat another: same image, class and box",
            same,
            "delete one of each: no detector can find both, so AP cannot reach 1",
        ),
        *found(
            "warning",
            source.name,
            "two-classes",
            "boxes that are annotated with two classes",
            other,
            "decide for one: training is told both",
        ),
    ]


def _classes(source: SetSource, content: Content) -> list[Finding]:
    counts = Counter(a["category_id"] for a in content["annotations"] if not is_ignored(a))
    used = source.classes or tuple(category["name"] for category in content["categories"])
    empty = [
        category["name"]
        for category in content["categories"]
        if category["name"] in used and not counts[category["id"]]
    ]
    return found(
        "warning",
        source.name,
        "empty-classes",
        "classes without boxes",
        empty,
        "they cannot be learned here, and have no AP: leave them out of metainfo.classes, or check "
        "the ids of the categories",
    )


def _strays(source: SetSource, content: Content) -> list[Finding]:
    listed = {image["id"] for image in content["images"]}
    strays = [
        f"annotation {annotation['id']} of image id {annotation['image_id']}"
        for annotation in content["annotations"]
        if annotation["image_id"] not in listed
    ]
    return found(
        "warning",
        source.name,
        "strays",
        "annotations of images that the file does not list",
        strays,
        "they are left out; list their images, or delete them",
    )


def _empty(source: SetSource, content: Content) -> list[Finding]:
    annotated = {annotation["image_id"] for annotation in content["annotations"]}
    empty = [i["file_name"] for i in content["images"] if i["id"] not in annotated]
    ignored = [f"annotation {a['id']}" for a in content["annotations"] if is_ignored(a)]
    return [
        *found("note", source.name, "empty-images", "images without annotations", empty),
        *found("note", source.name, "ignored", "annotations that are crowds or ignored", ignored),
    ]
