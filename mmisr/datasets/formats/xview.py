"""xView's vehicles: one GeoJSON file of all boxes, with a number for each of 60 classes.

Source: DIUx-xView/data_utilities, xview_class_labels.txt. Passenger vehicles and trucks become one
class, ``vehicle``; what each is called is kept in the attribute ``type``. Which images are ``val``
is ours: every tenth by name.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mmisr.datasets.coco_checks import first
from mmisr.datasets.coco_values import number
from mmisr.datasets.formats.records import AnnotatedBox, AnnotatedImage, Options, Split, Tally
from mmisr.datasets.formats.source import FormatError, by_stem, first_of

CLASSES = ("vehicle",)
VEHICLES = {
    17: "Passenger Vehicle",
    18: "Small Car",
    19: "Bus",
    20: "Pickup Truck",
    21: "Utility Truck",
    23: "Truck",
    24: "Cargo Truck",
    25: "Truck w/Box",
    26: "Truck Tractor",
    27: "Trailer",
    28: "Truck w/Flatbed",
    29: "Truck w/Liquid",
}
"""By ``type_id``."""

EVERY = 10
"""One image in so many is for validation."""

LACKING = 1
"""Images that may be listed and not there; with more of them the archive is half unpacked."""


def splits(source: Path, options: Options) -> list[Split]:
    """``train`` and ``val``, both of xView's training images; the others' boxes are not published.

    Args:
        source: Folder of ``xView_train.geojson`` and ``train_images``.
        options: Nothing of it is read: GeoJSON says itself how it is encoded.
    """
    path = first_of(source, ["xView_train.geojson"], "the boxes of xView")
    folder = first_of(source, ["train_images"], "the images of xView")
    images = by_stem(folder, "xView")
    features = _features(path)
    by_image = defaultdict(list)
    for place, feature in enumerate(features):
        by_image[Path(str(feature.get("image_id"))).stem].append((place, feature))
    _check_there(path, folder, sorted(set(by_image) - set(images)))
    sides: dict[str, list[Path]] = {"train": [], "val": []}
    for place, image in enumerate(images.values()):
        side = "val" if place % EVERY == EVERY - 1 else "train"
        sides[side].append(image)
    found = []
    for name, paths in sides.items():
        if paths:
            read = partial(_read, path, paths, by_image)
            found.append(Split(name, CLASSES, len(paths), read, (path,)))
    return found


def _check_there(path: Path, folder: Path, missing: list[str]) -> None:
    if len(missing) > LACKING:
        raise FormatError(
            f"{folder} must hold the images that {path.name} lists, {len(missing)} are missing: "
            f"{first(missing)}. The archive is half unpacked: unpack it again"
        )


def _features(path: Path) -> list[dict[str, Any]]:
    """The properties of every feature."""
    try:
        content = json.loads(path.read_bytes())
        return [feature["properties"] for feature in content["features"]]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path} must be a GeoJSON file with `features` that have `properties`, found: "
            f"{error!r}. It is damaged: unpack it again"
        ) from error


def _read(
    path: Path, images: list[Path], by_image: dict[str, list[Any]], tally: Tally
) -> Iterator[AnnotatedImage]:
    for image in images:
        boxes = []
        for place, feature in by_image.get(image.stem, ()):
            box = _box(path, place, feature, tally)
            if box is not None:
                boxes.append(box)
        yield AnnotatedImage(image, tuple(boxes))


def _box(path: Path, place: int, feature: dict[str, Any], tally: Tally) -> AnnotatedBox | None:
    kind = feature.get("type_id")
    if kind not in VEHICLES:
        tally.drop(f"type_id {kind}, no vehicle")
        return None
    text = str(feature.get("bounds_imcoords"))
    try:
        left, top, right, bottom = (number(word) for word in text.split(","))
    except ValueError as error:
        raise FormatError(
            f"{path}, feature {place}: `bounds_imcoords` must be left,top,right,bottom, found "
            f"{text!r}. Mend it"
        ) from error
    xywh = (left, top, right - left, bottom - top)
    return AnnotatedBox(CLASSES[0], xywh, attributes={"type": VEHICLES[kind]})
