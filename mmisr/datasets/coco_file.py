"""The one reader of COCO files.

Data set, checks and export see the same entries, read as meant or refused by name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mmengine import fileio

from mmisr.datasets.coco_checks import SHOWN, first
from mmisr.datasets.coco_values import (
    as_listed,
    box_numbers,
    file_name,
    flag,
    identifier,
    index,
    number,
    shown,
    side,
    some,
    text,
)
from mmisr.structures.marks import FLAGS, SUBSETS, subset_names

RULES_NAMED = 4
"""How many broken rules an error names."""

WAY_OUT = "Mend them in the file, or write it anew with the tool that made it"


@dataclass(frozen=True)
class Field:
    """One key of an entry.

    Args:
        key: Its name.
        read: Gives the value as it is meant, or raises ValueError.
        rule: What it must be, for messages.
        needed: Whether every entry has it; where not, null counts as absent.
    """

    key: str
    read: Callable[[Any], Any]
    rule: str
    needed: bool = True


AREA = "a number from 0 on"
ID = Field("id", identifier, "a whole number or a text")
PARTS = {
    "images": (
        ID,
        Field("file_name", file_name, "the name of a file"),
        Field("width", side, "a whole number of pixels from 1 on"),
        Field("height", side, "a whole number of pixels from 1 on"),
        Field("frame_index", index, "a whole number from 0 on", needed=False),
    ),
    "categories": (ID, Field("name", text, "a text that is not empty")),
    "annotations": (
        ID,
        Field("image_id", identifier, ID.rule),
        Field("category_id", identifier, ID.rule),
        Field("area", number, AREA, needed=False),
        *(Field(key, flag, "0 or 1", needed=False) for key in FLAGS),
        Field("subsets", subset_names, f"a list of {sorted(SUBSETS)}", needed=False),
    ),
}
"""The lists of a file, and what is read of their entries."""

ONE = {"images": "image", "categories": "category", "annotations": "annotation"}


@dataclass
class Faults:
    """What is wrong with a file: how many entries break which rule, and the first of them.

    Args:
        ann_file: Named in the error.
    """

    ann_file: str
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def note(self, rule: str, example: str) -> None:
        """One entry that breaks a rule; ``{}`` in it stands for how many do."""
        self.counts[rule] += 1
        if self.counts[rule] <= SHOWN:
            self.examples.setdefault(rule, []).append(example)

    def end(self) -> None:
        """Raise ValueError where anything was noted."""
        if not self.counts:
            return
        lines = [
            f"{rule.format(n)}: {some(self.examples[rule], n)}" for rule, n in self.counts.items()
        ]
        more = (
            f". {len(lines) - RULES_NAMED} other rules are broken too"
            if len(lines) > RULES_NAMED
            else ""
        )
        raise ValueError(f"{self.ann_file}: {'. '.join(lines[:RULES_NAMED])}{more}. {WAY_OUT}")


def read_annotations(ann_file: str, backend_args: dict[str, Any] | None = None) -> dict[str, Any]:
    """Read a COCO file, all of it, before anything is done with it.

    Text is read as the number or flag that it spells ("480.0", "false"), references by the ids of
    the list that they point into ("17" where images have 17), and null as absent. Boxes that are
    not four numbers stay as they are: what becomes of them is for the data set to say.

    Args:
        ann_file: Path, on any back end that mmengine's fileio knows.
        backend_args: Arguments of that back end.

    Returns:
        Its content; ``images`` is a list with at least one entry, ``categories`` and
        ``annotations`` are lists.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not JSON, not a COCO file with images, or entries lack a key, have a value
            that cannot be meant, share an id, or name a category that is not listed.
    """
    content = _parse(ann_file, backend_args)
    faults = Faults(ann_file)
    for part, fields in PARTS.items():
        if content.get(part) is None:
            content[part] = []
        if not isinstance(content[part], list):
            raise ValueError(f"{ann_file}: `{part}` must be a list, found {shown(content[part])}")
        _read_entries(content[part], ONE[part], fields, faults)
    faults.end()
    for part, entries in content.items():
        if part in PARTS:
            _check_unique(entries, ONE[part], faults)
    _follow_references(content, faults)
    faults.end()
    return content


def _parse(ann_file: str, backend_args: dict[str, Any] | None) -> dict[str, Any]:
    try:
        # From bytes, JSON finds out itself whether they are UTF-8, UTF-16 or begin with a mark.
        content = json.loads(fileio.get(ann_file, backend_args=backend_args))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"annotation file {ann_file} does not exist; check data_root and ann_file, or prepare "
            f"the data set first "
            "(tools/data/ for the project's own)"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{ann_file} must be a JSON file in UTF-8, and is in another encoding: {error}; save "
            "it as UTF-8 (iconv -f latin1 -t utf-8 OLD > NEW)"
        ) from error
    except ValueError as error:  # not JSON
        raise ValueError(
            f"{ann_file} must be a JSON file: {error}; it is damaged or of another kind"
        ) from error
    except RecursionError as error:
        raise ValueError(
            f"{ann_file} must be a COCO file: its brackets nest too deep; it is damaged"
        ) from error
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not images or not isinstance(images, list):
        raise ValueError(f"{ann_file} has no images: a COCO file needs a non-empty list `images`")
    return content


def _read_entries(entries: list[Any], one: str, fields: tuple[Field, ...], faults: Faults) -> None:
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            faults.note(
                f"every {one} must be an object with keys; {{}} are none",
                f"{shown(entry)} (entry {place})",
            )
            continue
        for f in fields:
            value = entry.get(f.key)
            if value is None:
                _no_value(entry, one, f, faults)
                continue
            try:
                entry[f.key] = f.read(value)
            except ValueError:
                faults.note(
                    _rule(f.key, one, f.rule), f"{shown(value)} ({_named(entry, one, place)})"
                )
        if "bbox" in entry:
            _read_box(entry, one, place, faults)


def _read_box(entry: dict[str, Any], one: str, place: int, faults: Faults) -> None:
    box = box_numbers(entry["bbox"])
    if box is None:
        return
    entry["bbox"] = box
    area = entry.get("area")
    if isinstance(area, (int, float)) and area < 0 < min(
        box[2:]
    ):  # an empty box is for the data set to judge
        faults.note(_rule("area", one, AREA), f"{area} ({_named(entry, one, place)})")


def _rule(key: str, one: str, rule: str) -> str:
    return f"`{key}` of every {one} must be {rule}; {{}} are not"


def _no_value(entry: dict[str, Any], one: str, f: Field, faults: Faults) -> None:
    if f.needed:
        faults.note(f"every {one} needs `{f.key}`; {{}} have none", shown(entry))
    else:
        entry.pop(f.key, None)


def _named(entry: dict[str, Any], one: str, place: int) -> str:
    name = entry.get("file_name", entry.get("name"))
    return f"{one} {shown(entry.get('id'))}, entry {place}" + (
        "" if name is None else f", {shown(name)}"
    )


def _check_unique(entries: list[dict[str, Any]], one: str, faults: Faults) -> None:
    counts = Counter(
        str(entry["id"]) for entry in entries
    )  # 1 and "1" are one: who refers to it can mean either
    if len(counts) == len(entries):
        return
    for place, entry in enumerate(entries):
        if counts[str(entry["id"])] > 1:
            faults.note(
                f"`id` of every {one} must be its own; {{}} share theirs", _named(entry, one, place)
            )


def _follow_references(content: dict[str, Any], faults: Faults) -> None:
    """Write references as the lists have their ids, and note those that lead nowhere."""
    images = {image["id"] for image in content["images"]}
    categories = {category["id"] for category in content["categories"]}
    unknown: Counter[Any] = Counter()
    strays = 0
    for annotation in content["annotations"]:
        image, category = annotation["image_id"], annotation["category_id"]
        if image not in images:
            found = as_listed(image, images)
            annotation["image_id"] = image if found is None else found
            strays += found is None
        if category not in categories:
            found = as_listed(category, categories)
            annotation["category_id"] = category if found is None else found
            unknown[category] += found is None
    _check_categories_known(+unknown, content["categories"], faults)
    if strays and strays == len(content["annotations"]):
        raise ValueError(
            f"{faults.ann_file}: `image_id` of every annotation must be the `id` of an image, none "
            f"of {strays} is: "
            f"{_listed(a['image_id'] for a in content['annotations'][:SHOWN])}; images have "
            f"{_listed(images)}. Number both alike"
        )


def _check_categories_known(
    unknown: Counter[Any], categories: list[dict[str, Any]], faults: Faults
) -> None:
    if not unknown:
        return
    wrong = [f"{value!r} ({count} times)" for value, count in unknown.most_common()]
    listed = [f"{c['id']!r} ({c['name']})" for c in categories]
    raise ValueError(
        f"{faults.ann_file}: `category_id` of every annotation must be the `id` of a category; "
        f"{unknown.total()} are not: "
        f"{first(wrong)}; the file lists: {first(listed) or 'none'}. Number both alike (does one "
        f"start at 0 and the other at "
        "1?), or list the category too: boxes of a category outside of metainfo['classes'] are "
        "left out"
    )


def _listed(ids: Iterable[Any]) -> str:
    return first([shown(value) for value in ids])
