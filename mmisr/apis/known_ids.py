"""The ids that results carry.

Those of the data set that a config tests on, where there is one, else counted from 1.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmisr.apis.checks import inner_dataset
from mmisr.apis.sources import Source
from mmisr.datasets.coco_file import read_annotations


@dataclass(frozen=True)
class Ids:
    """What to call images and classes in COCO results.

    Args:
        categories: Ids of the classes, by label; counted from 1 where it ends.
        images: Ids of images that the data set knows, by name of the source.
        first_free: Id of the first image that it does not know; the next ones count on.
    """

    categories: Sequence[Any] = ()
    images: Mapping[str, Any] = field(default_factory=dict)
    first_free: int = 1

    def category(self, label: int) -> Any:
        """The id of a class."""
        return self.categories[label] if label < len(self.categories) else label + 1


def known_ids(cfg: Config, classes: Sequence[str], sources: Sequence[Source]) -> Ids:
    """The ids in the annotation file of a config's test data, as far as it names these classes and images.

    An image is known by its file, else by its file name, else by its name without ending, as long as that is one image's.

    Args:
        cfg: Config of a pair.
        classes: Its classes, by label.
        sources: The images; empty for a video.

    Returns:
        Ids that count from 1 where the config has no annotation file, or the file is not there, or another set's.
    """
    dataset = inner_dataset(cfg)
    root = Path(dataset.get("data_root") or "")
    ann_file = root / (dataset.get("ann_file") or "")
    if ann_file.suffix.lower() != ".json" or not ann_file.is_file():
        return Ids()
    try:
        content = read_annotations(str(ann_file))
    except ValueError as error:
        warnings.warn(f"results count their ids from 1, because {error}", stacklevel=2)
        return Ids()
    by_name = {category["name"]: category["id"] for category in content["categories"]}
    absent = [name for name in classes if name not in by_name]
    if absent:
        warnings.warn(
            f"results count their ids from 1, because {ann_file} has no category {absent[0]!r}, a "
            f"class of the model",
            stacklevel=2,
        )
        return Ids()
    folder = root / (dataset.get("data_prefix") or {}).get("img", "")
    images = _images(content["images"], folder, sources)
    numbers = [image["id"] for image in content["images"] if isinstance(image["id"], int)]
    return Ids(
        [by_name[name] for name in classes], images, 1 + max(numbers, default=0) if images else 1
    )


def _images(
    listed: Sequence[Mapping[str, Any]], folder: Path, sources: Sequence[Source]
) -> dict[str, Any]:
    """Ids by name of the source; no id is given twice."""
    tables = (
        _unique(
            {i: str((folder / image["file_name"]).absolute()) for i, image in enumerate(listed)}
        ),
        _unique({i: Path(image["file_name"]).name for i, image in enumerate(listed)}),
        _unique({i: Path(image["file_name"]).stem for i, image in enumerate(listed)}),
    )
    files = {source.name: Path(source.path) for source in sources if source.path is not None}
    found: dict[str, Any] = {}
    taken: set[int] = set()
    for table, key in zip(
        tables, (lambda p: str(p.absolute()), lambda p: p.name, lambda p: p.stem), strict=True
    ):
        for name, file in files.items():
            index = table.get(key(file))
            if name not in found and index is not None and index not in taken:
                found[name] = listed[index]["id"]
                taken.add(index)
    return found


def _unique(keys: Mapping[int, str]) -> dict[str, int]:
    """The index of each key; keys of several images are left out."""
    values = list(keys.values())
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return {value: index for index, value in keys.items() if counts[value] == 1}
