"""The ids that results carry.

They are those of the data set that a config tests on, where there is one, else counted from 1.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.inputs import InputImage


@dataclass(frozen=True)
class Ids:
    """What to call images and classes in COCO results.

    Args:
        categories: Ids of the classes, by label; counted from 1 where it ends.
        images: Ids of images that the data set knows, by the name of the input.
        first_free: Id of the first image that it does not know; the next ones count on.
    """

    categories: Sequence[Any] = ()
    images: Mapping[str, Any] = field(default_factory=dict)
    first_free: int = 1

    def category(self, label: int) -> Any:
        """The id of a class."""
        return self.categories[label] if label < len(self.categories) else label + 1


def known_ids(
    dataset: Mapping[str, Any], classes: Sequence[str], inputs: Sequence[InputImage]
) -> Ids:
    """The ids in an annotation file, as far as it names these classes and images.

    An image is known by its file, else by its file name, else by its name without ending, as long
    as that is one image's.

    Args:
        dataset: Config of a test data set.
        classes: Classes of the model, by label.
        inputs: The images; empty for a video.

    Returns:
        Ids that count from 1 where the config has no annotation file, or the file is not there, or
        is another data set's.
    """
    root = Path(dataset.get("data_root") or "")
    ann_file = root / (dataset.get("ann_file") or "")
    if ann_file.suffix.lower() != ".json" or not ann_file.is_file():
        return Ids()
    try:
        content = read_annotations(str(ann_file))
    except ValueError as error:
        return _counted(str(error))
    by_name = {category["name"]: category["id"] for category in content["categories"]}
    categories = []
    for name in classes:
        if name not in by_name:
            return _counted(f"{ann_file} has no category {name!r}, a class of the model")
        categories.append(by_name[name])
    listed = content["images"]
    prefixes = dataset.get("data_prefix") or {}
    folder = root / prefixes.get("img", "")
    images = _images(listed, folder, inputs)
    if not images:
        return Ids(categories)
    first_free = 1
    for image in listed:
        image_id = image["id"]
        if isinstance(image_id, int):
            first_free = max(first_free, image_id + 1)
    return Ids(categories, images, first_free)


def _counted(reason: str) -> Ids:
    warnings.warn(f"results count their ids from 1, because {reason}", stacklevel=3)
    return Ids()


def _images(
    listed: Sequence[Mapping[str, Any]], folder: Path, inputs: Sequence[InputImage]
) -> dict[str, Any]:
    """Ids by the name of the input; no id is given twice."""
    files: dict[str, Path] = {}
    for given in inputs:
        if given.path is not None:
            files[given.name] = Path(given.path)
    paths = []
    for image in listed:
        paths.append(folder / image["file_name"])
    ids: dict[str, Any] = {}
    taken: set[int] = set()
    # The surest way of knowing an image goes first.
    for key in (_absolute, _file_name, _stem):
        known = _unique(paths, key)
        for name, file in files.items():
            index = known.get(key(file))
            if name in ids or index is None:
                continue
            if index not in taken:
                taken.add(index)
                ids[name] = listed[index]["id"]
    return ids


def _absolute(path: Path) -> str:
    return str(path.absolute())


def _file_name(path: Path) -> str:
    return path.name


def _stem(path: Path) -> str:
    return path.stem


def _unique(paths: Sequence[Path], key: Callable[[Path], str]) -> dict[str, int]:
    """The index of each key; keys of several images are left out."""
    keys = [key(path) for path in paths]
    counts = Counter(keys)
    return {name: index for index, name in enumerate(keys) if counts[name] == 1}
