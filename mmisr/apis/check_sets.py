"""What ``tools/data/check.py`` does: say what is wrong with data sets before a training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmisr.analysis.set_check.findings import Finding, SetSource
from mmisr.analysis.set_check.result import SetCheck
from mmisr.analysis.set_check.run import NEAR, Options, check_sets
from mmisr.apis.checks.data import inner_datasets
from mmisr.apis.configs import find_config, read_config
from mmisr.datasets.coco_checks import class_names
from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.loading import LoadImage
from mmisr.datasets.paired import PairedFiles, PairedLR
from mmisr.degradation.transform import SimulateLR
from mmisr.ops.files import write_text
from mmisr.ops.wrapped import pipelines_of
from mmisr.registry import TRANSFORMS, find
from mmisr.reports.html.set_check import verdict, write_set_check

__all__ = [
    "HEADER",
    "NEAR",
    "SIZE_HEADER",
    "Checked",
    "Wanted",
    "check_data_sets",
    "finding_rows",
    "size_rows",
    "verdict",
]

HEADER = ("finding", "severity", "set", "count")
BELOW = (8, 16, 32)
"""Sides in LR pixels that size bins of COCO and AI-TOD end at."""

SIZE_HEADER = ("set", "images", "objects", "smallest", "median", *(f"% < {b}" for b in BELOW))
SIDES = ("train", "val", "test")


@dataclass(frozen=True)
class Wanted:
    """How sets are checked.

    Args:
        scale: By which image files are reduced to LR; None for what the config says, else 1.
        decode: Whether images are decoded, or headers read alone.
        near: Bits of 63 by which near duplicates may differ.
        lr: Folder of LR images that were taken separately, under the names of the (HR) images.
    """

    scale: float | None = None
    decode: bool = True
    near: int = NEAR
    lr: str | None = None


@dataclass(frozen=True)
class Checked:
    """What was found, and where it lies.

    Args:
        check: What was found.
        folder: Of ``check.json`` and ``check.html``.
    """

    check: SetCheck
    folder: Path


def check_data_sets(
    sets: Sequence[str],
    wanted: Wanted | None = None,
    out: str | Path | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> Checked:
    """Check data sets in COCO format, each by itself and against each other.

    Args:
        sets: Each ``[NAME=]JSON[,FOLDER]``, the set that is trained on first; or one config, whose
            dataloaders name them.
        wanted: How.
        out: Folder of the page; ``work_dirs/check/<name>`` by default.
        cfg_options: Overrides of the config by dotted key.

    Returns:
        What was found.

    Raises:
        FileNotFoundError: A config or an annotation file does not exist, or no folder has its
            images.
        ValueError: There is no set, or what is asked for does not go together.
    """
    wanted = wanted or Wanted()
    files = [text for text in sets if _is_json(text)]
    if len(files) < len(sets):
        if len(sets) > 1:
            raise ValueError(
                f"give annotation files (.json), or one config that names them, got {list(sets)}"
            )
        sources, scale, pairs = _of_config(read_config(sets[0], cfg_options=cfg_options))
        name = find_config(sets[0]).stem
    else:
        sources = _with_own_names([_of_file(text) for text in sets])
        scale, pairs = 1.0, {}
        name = "+".join(source.name.replace("/", "-") for source in sources)
    scale = wanted.scale or scale
    if wanted.lr is not None:
        for source in sources:
            pairs[source.name] = PairedFiles(wanted.lr, _whole(scale), root=source.folder)
    options = Options(scale, wanted.decode, wanted.near, pairs)
    check = check_sets(sources, options)
    folder = Path(out or Path("work_dirs/check") / name)
    content = json.dumps(check.to_json(), indent=2)
    write_text(folder / "check.json", content + "\n")
    write_set_check(check, folder / "check.html", f"Check of {name}")
    return Checked(check, folder)


def finding_rows(check: SetCheck) -> list[tuple[str, str, str, int]]:
    """One row per finding: cells of :data:`HEADER`.

    Args:
        check: What was found.
    """
    return [_row(finding) for finding in check.findings]


def _row(finding: Finding) -> tuple[str, str, str, int]:
    return finding.text, finding.severity, finding.set_name, finding.count


def size_rows(check: SetCheck) -> list[list[str | float]]:
    """One row per set: cells of :data:`SIZE_HEADER`, sides in LR pixels.

    Args:
        check: What was found.
    """
    rows = []
    for summary in check.sets:
        sizes = summary.sizes
        if sizes is None:
            continue
        row: list[str | float] = [summary.name, summary.images, sizes.count]
        row += [sizes.smallest, sizes.median]
        for side in BELOW:
            row.append(100 * sizes.below(side))
        rows.append(row)
    return rows


def _is_json(text: str) -> bool:
    _, _, tail = text.rpartition("=")
    ann_file, _, _ = tail.partition(",")
    return ann_file.endswith(".json")


def _whole(scale: float) -> int:
    if scale != int(scale):
        raise ValueError(f"LR that was taken separately needs a whole scale, got {scale}")
    return int(scale)


def _of_file(text: str) -> SetSource:
    """A set as the command line names it."""
    head, _, tail = text.rpartition("=")
    ann_file, _, folder = tail.partition(",")
    path = Path(ann_file)
    return SetSource(head or path.stem, ann_file, folder or _folder_of(path))


def _folder_of(ann_file: Path) -> str:
    """Where the first image lies: in a folder of the file's name, in ``images``, or beside it."""
    beside = ann_file.parent
    places = [beside / ann_file.stem, beside / "images", beside]
    try:
        first = read_annotations(str(ann_file))["images"][0]["file_name"]
    except ValueError:
        return str(beside)  # the check says what is wrong with the file
    for place in places:
        if (place / first).is_file():
            return str(place)
    tried = ", ".join(map(str, places))
    raise FileNotFoundError(
        f"{ann_file}: its first image {first} lies in none of {tried}; name the folder: "
        f"{ann_file},FOLDER"
    )


def _with_own_names(sources: Sequence[SetSource]) -> list[SetSource]:
    """Two sets whose files have one name are called by their folders too."""
    names = [source.name for source in sources]
    named = []
    for source in sources:
        if names.count(source.name) > 1:
            parent = Path(source.ann_file).parent.name
            source = replace(source, name=f"{parent}/{source.name}")
        named.append(source)
    return named


def _of_config(cfg: Config) -> tuple[list[SetSource], float, dict[str, PairedFiles]]:
    """The sets of a config; the scale of its LR images, and where pairs lie.

    A set stands there once, but for a validation on the training data, which is an error to find.
    """
    sources: list[SetSource] = []
    places: set[tuple[bool, str, str]] = set()
    pairs: dict[str, PairedFiles] = {}
    scale = 1.0
    for side in SIDES:
        if not (cfg.get(f"{side}_dataloader") or {}).get("dataset"):
            continue
        datasets = inner_datasets(cfg, side)
        for index, dataset in enumerate(datasets):
            name = side if len(datasets) == 1 else f"{side}{index}"
            source = _of_dataset(dataset, name)
            place = (side == "train", source.ann_file, source.folder)
            if place in places:
                continue
            places.add(place)
            sources.append(source)
            for step in dataset.get("pipeline") or _steps(cfg, side):
                kind = find(TRANSFORMS, step["type"])
                if kind is SimulateLR:
                    scale = step["scale"]
                if kind is PairedLR:
                    pairs[name] = _pair_files(step)
                    # Where the partner is HR, the files are what the sensor saw.
                    scale = 1.0 if pairs[name].holds == "hr" else step["scale"]
    if not sources:
        raise ValueError("the config has no dataloader with a data set; name annotation files")
    return sources, scale, pairs


def _pair_files(step: dict[str, Any]) -> PairedFiles:
    fields = {key: value for key, value in step.items() if key not in ("type", "max_pixels")}
    return PairedFiles(**fields)


def _steps(cfg: Config, side: str) -> list[dict[str, Any]]:
    pipelines = pipelines_of(cfg[f"{side}_dataloader"].dataset)
    return [step for pipeline in pipelines for step in pipeline]


def _of_dataset(dataset: Any, name: str) -> SetSource:
    root = Path(dataset.get("data_root") or "")
    prefix = dataset.get("data_prefix") or {}
    metainfo = dataset.get("metainfo") or {}
    classes = metainfo.get("classes", ())
    limits = []
    for step in dataset.get("pipeline") or ():
        is_loader = find(TRANSFORMS, step["type"]) is LoadImage
        if is_loader and "max_pixels" in step:
            limits.append(step["max_pixels"])
    return SetSource(
        name=name,
        ann_file=str(root / dataset.ann_file),
        folder=str(root / prefix.get("img", "")),
        classes=class_names(classes) if classes else (),
        max_pixels=max(limits, default=None),
    )
