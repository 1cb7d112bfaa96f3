"""Annotation files that were damaged in every way that we know.

A right result, or one error that names file and fault.

A seeded sample in every test run; many more with ``MMISR_FUZZ=2000 python -m pytest
tests/reliability``. Every file goes the whole way: into a data set for training and for testing,
every sample of both, the metric, and an export.
"""

import copy
import json
import math
import os
import random
from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData

from mmisr.apis.export import export_sr
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.registry import DATASETS

CASES = int(os.environ.get("MMISR_FUZZ", "150"))
BLOCKS = 5
SIDE, SCALE = 128, 2
PIPELINE = [
    {"type": "mmisr.LoadImage"},
    {"type": "mmdet.LoadAnnotations", "with_bbox": True},
    {"type": "mmisr.NativeLR"},
    {"type": "mmisr.PackSRDetInputs"},
]
DEEP = "[" * 100_000 + "]" * 100_000
VALUES = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        17,
        0.5,
        -0.0,
        1e300,
        -1e300,
        10**30,
        math.nan,
        math.inf,
        -math.inf,
    ),
    *(
        "",
        " ",
        "0",
        "1",
        "2",
        "-1",
        "false",
        "True",
        "n/a",
        "nan",
        "1e3",
        "480.0",
        "48,5",
        "1_000",
        "x" * 5000,
        "a\0b",
    ),
    *("\ud800", "../a.png", "/a.png", "a.png", "树.png", "car", "tree", "name with space.png"),
    *(
        [],
        [1],
        [[1]],
        [1, 2, 3, 4],
        ["1", "2", "3", "4"],
        [None] * 4,
        [[1, 2, 3, 4, 5, 6]],
        [math.nan] * 4,
        [0] * 200,
    ),
    *(
        {},
        {"a": 1},
        {"size": [SIDE, SIDE], "counts": [SIDE * SIDE]},
        {"size": [SIDE, SIDE], "counts": "PPYo0"},
        {"counts": "~~~"},
    ),
]
KEYS = {
    "images": ("id", "file_name", "width", "height", "license"),
    "annotations": (
        *("id", "image_id", "category_id", "bbox", "area", "iscrowd", "ignore"),
        *("segmentation", "keypoints", "num_keypoints", "attributes"),
    ),
    "categories": ("id", "name", "supercategory"),
}


@pytest.fixture(scope="module")
def trees(cut_outs, tmp_path_factory) -> tuple[Path, dict]:
    """Two real cut-outs with their trees, and an annotation file that has everything."""
    folder = tmp_path_factory.mktemp("trees") / "set"
    cut_outs(folder, SIDE)
    content = json.loads((folder / "val.json").read_text())
    content["categories"] = [
        {"id": 1, "name": "tree", "supercategory": "plant"},
        {"id": 2, "name": "car"},
    ]
    halves = [
        {**a, "bbox": [*a["bbox"][:2], *(n / 2 for n in a["bbox"][2:])]}
        for a in content["annotations"]
    ]
    content["annotations"] += [
        {**a, "id": 1000 + i, "area": 0} for i, a in enumerate(halves + halves)
    ]
    for i, a in enumerate(content["annotations"]):
        x, y, w, h = a["bbox"]
        a |= {
            "segmentation": [[x, y, x + w, y, x + w, y + h]],
            "keypoints": [x, y, 2],
            "num_keypoints": 1,
        }
        a |= {"category_id": i % 2 + 1, "iscrowd": int(i % 3 == 2), "ignore": 0}
    return folder / "val", content


def mutate(content: dict, draw: random.Random) -> tuple[str, str]:
    """The text of a file with one to three faults, and what they are."""
    content, told = copy.deepcopy(content), []
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        told.append(
            draw.choice((value, value, value, value, absent, entry, part, renumber, twin, text_of))(
                content, draw
            )
        )
    text = json.dumps(content)
    if draw.random() < 0.06:
        told.append(draw.choice(("deep", "cut", "bytes")))
        place = draw.randrange(len(text))
        deep = (
            text.replace('"license":', f'"x": {DEEP}, "license":', 1)
            if '"license":' in text
            else DEEP
        )
        text = {"deep": deep, "cut": text[:place], "bytes": text[:place] + "\x00" + text[place:]}[
            told[-1]
        ]
    return text, "; ".join(told)


def some_entry(content: dict, draw: random.Random) -> tuple[str, dict]:
    name = draw.choice(("images", "annotations", "annotations", "categories"))
    entries = (
        [e for e in content[name] if isinstance(e, dict)]
        if isinstance(content.get(name), list)
        else []
    )
    return name, draw.choice(entries) if entries else {}


def value(content: dict, draw: random.Random) -> str:
    name, chosen = some_entry(content, draw)
    key, new = draw.choice(KEYS[name]), copy.deepcopy(draw.choice(VALUES))
    if key == "bbox" and isinstance(chosen.get(key), list) and chosen[key] and draw.random() < 0.5:
        chosen[key][draw.randrange(len(chosen[key]))] = new
    else:
        chosen[key] = new
    return f"{name}.{key} = {new!r:.60}"


def text_of(content: dict, draw: random.Random) -> str:
    name, key = draw.choice([(n, k) for n, keys in KEYS.items() for k in keys])
    for e in content[name] if isinstance(content.get(name), list) else []:
        if isinstance(e, dict) and isinstance(e.get(key), (int, float)):
            e[key] = str(e[key])
    return f"every {name}.{key} as text"


def absent(content: dict, draw: random.Random) -> str:
    name, chosen = some_entry(content, draw)
    key = draw.choice(KEYS[name])
    chosen.pop(key, None)
    return f"no {name}.{key}"


def entry(content: dict, draw: random.Random) -> str:
    name, new = draw.choice(tuple(KEYS)), draw.choice(VALUES)
    if isinstance(content.get(name), list) and content[name]:
        content[name][draw.randrange(len(content[name]))] = new
    return f"an entry of {name} = {new!r:.60}"


def part(content: dict, draw: random.Random) -> str:
    name, new = draw.choice((*KEYS, "info", "licenses")), draw.choice((*VALUES, "gone"))
    content[name] = new
    if new == "gone":
        del content[name]
    return f"{name} = {new!r:.60}"


def renumber(content: dict, draw: random.Random) -> str:
    name, key = draw.choice(
        (("annotations", "category_id"), ("annotations", "image_id"), ("categories", "id"))
    )
    for e in content[name] if isinstance(content.get(name), list) else []:
        if isinstance(e, dict) and isinstance(e.get(key), int):
            e[key] -= 1
    return f"{name}.{key} from 0 on"


def twin(content: dict, draw: random.Random) -> str:
    name, chosen = some_entry(content, draw)
    if isinstance(content.get(name), list):
        content[name].append(copy.deepcopy(chosen))
    return f"an entry of {name} twice"


def as_meant(text: str) -> dict:
    """Boxes by image, read independently and as a person would.

    Fails where the file has no one meaning.
    """
    content = json.loads(text)
    label = {str(plain(c["id"])): ("tree", "car").index(c["name"]) for c in content["categories"]}
    assert len(label) == 2, "two categories"
    size = {str(plain(i["id"])): (float(i["width"]), float(i["height"])) for i in content["images"]}
    assert len(size) == len(content["images"]), "own ids"
    boxes: dict[str, list] = {i: [] for i in size}
    for a in content.get("annotations") or []:
        image, (x, y, w, h) = str(plain(a["image_id"])), map(float, a["bbox"])
        which, ignored = (
            label[str(plain(a["category_id"]))],
            truth(a.get("iscrowd")) or truth(a.get("ignore")),
        )
        if image in boxes:
            right, bottom = min(x + w, size[image][0]), min(y + h, size[image][1])
            box = [max(x, 0), max(y, 0), right, bottom]
            area = float(a.get("area") or 0) or (box[2] - box[0]) * (box[3] - box[1])
            assert area > 0
            boxes[image].append((*box, which, ignored, area))
    return boxes


def plain(identifier: object) -> object:
    assert type(identifier) in (int, str, float)
    return (
        int(identifier)
        if type(identifier) is float and identifier == int(identifier)
        else identifier
    )


def truth(flag: object) -> bool:
    return {
        "none": False,
        "0": False,
        "false": False,
        "1": True,
        "true": True,
        "0.0": False,
        "-0.0": False,
        "1.0": True,
    }[str(flag).strip().lower()]


class Folder:
    """A data set whose annotation file changes."""

    def __init__(self, images: Path, folder: Path) -> None:
        self.folder, self.file = folder, folder / "mutated.json"
        self.side = {
            "type": "mmisr.SRCocoDataset",
            "ann_file": str(self.file),
            "data_prefix": {"img": f"{images}/"},
        }
        self.side |= {"metainfo": {"classes": ("tree", "car")}, "pipeline": PIPELINE}
        self.images = images

    def outcome(self, work) -> object:
        """The result, or the text of a named error."""
        try:
            return work()
        except (ValueError, FileNotFoundError) as error:
            text = str(error)
            assert type(error).__module__ in ("builtins", "mmisr.datasets.images"), (
                type(error),
                text,
            )
            assert self.file.name in text or str(self.images) in text, f"no file is named: {text}"
            assert len(text) < 4000, text[:5000]
            return text

    def read(self, test_mode: bool) -> dict:
        """Boxes by image, as the samples have them; those for testing go through the metric too."""
        dataset = DATASETS.build({**self.side, "test_mode": test_mode, "serialize_data": False})
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        samples = [dataset[i]["data_samples"] for i in range(len(dataset))] if test_mode else []
        if samples:
            metric = SizeBinnedCocoMetric(frame="source")
            metric.dataset_meta = dataset.metainfo
            for s in samples:
                nothing = torch.zeros(0)
                s.pred_instances = InstanceData(
                    bboxes=nothing.view(0, 4), scores=nothing, labels=nothing.long()
                )
            metric.process({}, [s.to_dict() for s in samples])
            counted = sum(not i["ignore_flag"] for info in infos for i in info["instances"])
            assert metric.evaluate(len(samples))["bbox/count"] == counted
        return {str(info["img_id"]): [row(i) for i in info["instances"]] for info in infos}

    def export(self, number: int) -> dict:
        """The annotations that an export of the LR images wrote.

        An export that fails has written no image.
        """
        editor = {"type": "mmisr.Resample", "scale": SCALE, "mode": "bilinear"}
        out = self.folder / f"out{number}"
        cfg = Config(
            {"default_scope": "mmisr", "model": editor, "test_dataloader": {"dataset": self.side}}
        )
        try:
            return json.loads(export_sr(cfg, out, device="cpu").read_text())
        except Exception:
            assert not list(out.rglob("*.png")), "images were written before the fault was seen"
            raise


def row(i: dict) -> tuple:
    return (*i["bbox"], i["bbox_label"], bool(i["ignore_flag"]), i["area"])


def check(place: Folder, number: int, text: str) -> str:
    """One file, the whole way; returns how it ended."""
    place.file.write_text(text)
    tested, trained, exported = (
        place.outcome(lambda: place.read(test_mode=True)),
        place.outcome(lambda: place.read(test_mode=False)),
        place.outcome(lambda: place.export(number)),
    )
    if isinstance(tested, str):
        assert isinstance(exported, str), f"exported what cannot be tested: {tested}"
        return "refused"
    meant = as_meant(text)
    assert same(meant, tested)
    if not isinstance(trained, str):
        assert trained == tested
    if isinstance(exported, str):
        return "read, not exported"
    same_export(exported, meant)
    return "read"


def same_export(exported: dict, meant: dict) -> None:
    """An export at another size has the same boxes, with areas and flags as numbers."""
    found: dict[str, list] = {str(i["id"]): [] for i in exported["images"]}
    ids = [c["id"] for c in exported["categories"]]
    for a in exported["annotations"]:
        x, y, w, h = (n / SCALE for n in a["bbox"])
        ignored = a.get("iscrowd", 0) == 1 or a.get("ignore", 0) == 1
        area = a.get("area", 0) / SCALE**2 or w * h
        found[str(a["image_id"])].append(
            (x, y, x + w, y + h, ids.index(a["category_id"]), ignored, area)
        )
    assert same(meant, found)


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(
        len(a[k]) == len(b[k])
        and all(x == pytest.approx(y) for x, y in zip(a[k], b[k], strict=True))
        for k in a
    )


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_damaged_file_is_read_as_meant_or_refused_by_name(trees, tmp_path, block):
    images, content = trees
    place, ends = Folder(images, tmp_path), Counter()
    for number in range(block, CASES, BLOCKS):
        text, told = mutate(content, random.Random(number))
        try:
            ends[check(place, number, text)] += 1
        except BaseException as error:
            error.add_note(f"case {number}: {told}") if hasattr(error, "add_note") else print(
                f"case {number}: {told}"
            )
            raise
    print(dict(ends))
    assert ends["refused"] > 0
    assert ends["read"] > 0


def test_the_whole_file_is_read(trees, tmp_path):
    images, content = trees
    assert check(Folder(images, tmp_path), 0, json.dumps(content)) == "read"
