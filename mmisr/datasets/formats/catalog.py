"""The formats by name, and their conversion."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from mmisr.datasets.formats import coco_json, dota, uavdt, visdrone, voc, wider, xview, yolo
from mmisr.datasets.formats.records import Format, Options
from mmisr.datasets.formats.source import FormatError
from mmisr.datasets.formats.writing import VERSION, Report, check_split, convert_split

FORMATS = {
    "visdrone": Format("VisDrone-DET", visdrone.splits),
    "uavdt": Format("UAVDT, detection", uavdt.splits),
    "tinyperson": Format("TinyPerson", partial(coco_json.splits, coco_json.TINYPERSON), ()),
    "aitod": Format("AI-TOD", partial(coco_json.splits, coco_json.AITOD), ()),
    "aitodv2": Format("AI-TOD-v2", partial(coco_json.splits, coco_json.AITODV2), ()),
    "sodad": Format("SODA-D", partial(coco_json.splits, coco_json.SODAD), ()),
    "dota-v1.0": Format("DOTA-v1.0, upright boxes", partial(dota.splits, "v1.0")),
    "dota-v1.5": Format("DOTA-v1.5, upright boxes", partial(dota.splits, "v1.5")),
    "dota-v2.0": Format("DOTA-v2.0, upright boxes", partial(dota.splits, "v2.0")),
    "xview": Format("xView, its vehicles as one class", xview.splits, ()),
    "voc2007": Format("VOC2007", partial(voc.challenge_splits, "VOC2007")),
    "voc2012": Format("VOC2012", partial(voc.challenge_splits, "VOC2012")),
    "wider": Format("WIDER FACE", wider.splits),
    "coco": Format("COCO 2017, checked only", partial(coco_json.splits, coco_json.COCO), (), False),
    "yolo": Format("any YOLO folder", yolo.splits, ("encoding", "classes", "polygons")),
    "voc": Format("any VOC folder", voc.splits, ("encoding", "classes", "first_pixel")),
}
"""Data sets as they are published, and folders of two common layouts."""


def convert(name: str, source: Path, out: Path, options: Options | None = None) -> list[Report]:
    """Write a COCO file for each split of a data set; the originals are only read.

    A split that is there already, of the same version, with all its images and the same
    annotations, is left alone: what was cut short goes on with the same call.

    Args:
        name: One of :data:`FORMATS`.
        source: Folder of the unpacked archive.
        out: Folder of the COCO files.
        options: What there is to say about the files.

    Returns:
        What became of every split.

    Raises:
        FormatError: The archive is not what it must be, or files of another are in ``out``.
        ValueError: There is no such format, it does not read one of the options, or an image or a
            COCO file cannot be read.
    """
    if name not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {name!r}")
    kind = FORMATS[name]
    asked = options or Options()
    version = _version(name, kind, asked)
    if not source.is_dir():
        found = "a file" if source.is_file() else "nothing"
        raise FormatError(
            f"{source} must be the folder of the unpacked archive of {kind.title}, found {found}. "
            f"Unpack it and name the folder"
        )
    root = Path(os.path.normpath(source))
    reports = []
    for split in kind.splits(root, asked):
        if kind.writes:
            report = convert_split(split, root, out, version)
        else:
            report = check_split(split, root)
        reports.append(report)
    return reports


def _version(name: str, kind: Format, options: Options) -> str:
    """What a file that is written says of itself: the format and what was asked for."""
    words = [name, VERSION]
    reads = ", ".join(kind.takes) or "none"
    changed = options.changed()
    for option, value in changed.items():
        if option not in kind.takes:
            raise ValueError(
                f"{name} must have no option that it does not read, found {option}={value!r}. It "
                f"reads: {reads}"
            )
        word = f"{option}={value}"
        words.append(word)
    return " ".join(words)
