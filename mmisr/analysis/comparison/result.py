"""What a comparison found, on disk and in memory: what tables and the report are made from.

The folder that ``tools/compare.py --out FOLDER`` writes::

    results.json                 a Comparison: figures, intervals, differences, verdicts, meta
    results.csv  results.md      the same figures as tables
    report.html                  the page, made again by tools/report.py
    predictions/<NAME>.bbox.json what every arm found, as COCO results; masks in <NAME>.segm.json
    timing.json                  times of the arms, kept while they stay the same
    arms/<NAME>-<KEY>/           one folder per arm; KEY is the hash of all that the arm depends on
        arm.json                 an ArmRun: key, config, ms, macs, and one row per image
        records.npz              boxes and masks, read by
                                 mmisr.evaluation.functional.coco_records.load_records
        routing.npz              exits_<INDEX>: (rows, cols) int8 exits of image INDEX; only where
                                 the arm routes
        sr/<INDEX>.png           what the detector saw, 8-bit RGB, lossless; INDEX counts images
                                 from 00000

``results.json`` has the fields of :class:`Comparison` but its runs, under their names: ``arms``
(:class:`mmisr.analysis.comparison.figures.ArmFigures` by name), ``differences``
(:class:`Difference`), ``verdicts`` (:class:`Verdict`), ``meta``
(:class:`mmisr.analysis.comparison.figures.Meta`); before them ``schema``, the version of this
layout, see :mod:`mmisr.analysis.comparison.schema`. Numbers are unrounded; a figure that does not
exist is null among an arm's figures, and has neither an interval nor a difference.
:meth:`Comparison.load` reads the folder; nothing runs again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmisr.analysis.comparison.figures import ArmFigures, Meta
from mmisr.analysis.comparison.schema import SCHEMA, of_fields, read_schema
from mmisr.evaluation.functional.coco_records import ImageRecord, by_masks, load_records
from mmisr.evaluation.functional.ignore_rules import all_counted, counted
from mmisr.evaluation.functional.matching import COCO
from mmisr.evaluation.size_bins import PROTOCOLS, Protocol

RESULTS = "results.json"
ARM_FILE = "arm.json"
RECORDS = "records.npz"
ROUTING = "routing.npz"
PICTURES = "sr"


@dataclass(frozen=True)
class Difference:
    """One figure of two arms on the same images.

    Args:
        a: Name of an arm.
        b: Name of the arm that is subtracted.
        figure: Flat name of the figure.
        delta: Figure of ``a`` minus figure of ``b``.
        lo: Lower end of the 95 % interval.
        hi: Upper end.
    """

    a: str
    b: str
    figure: str
    delta: float
    lo: float
    hi: float


@dataclass(frozen=True)
class Verdict:
    """What a difference shows, in words.

    Args:
        a: Name of an arm.
        b: Name of the arm it is compared with.
        figure: Flat name of the figure.
        shown: ``higher`` or ``lower`` (``a`` against ``b``) where the interval excludes 0, else
            ``none``.
        text: One sentence.
    """

    a: str
    b: str
    figure: str
    shown: Literal["higher", "lower", "none"]
    text: str


@dataclass(frozen=True)
class ImageRow:
    """One image, alike in every arm.

    Args:
        img_id: Its id in the annotation file.
        file_name: Its file, as the data set names it; to be escaped where it is shown.
        source_hw: Height and width of the frame that boxes are in.
        lr_hw: Height and width of what the sensor saw.
    """

    img_id: int | str
    file_name: str
    source_hw: tuple[int, int]
    lr_hw: tuple[int, int]

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> ImageRow:
        """Read the image's part of an entry of ``arm.json``."""
        return cls(
            img_id=entry["img_id"],
            file_name=entry["file_name"],
            source_hw=tuple(entry["source_hw"]),
            lr_hw=tuple(entry["lr_hw"]),
        )


@dataclass(frozen=True)
class ArmImage:
    """What one arm gave on one image.

    Args:
        quality: ``psnr_<region>`` and ``ssim_<region>``; None where a figure does not exist,
            ``inf`` for equal pixels.
        tokens: Share of tokens by exit; None without routing.
        token_size: Side of a token in LR pixels; None without routing.
        hw: Height and width of what the detector saw; None where it is not known.
        reached: Whether the centre of each annotation was searched, in the order of the records
            on disk; None where nothing is routed.
        searched_area: Share of the frame that was searched; None where nothing is routed.
        cores: xyxy of what windows answer for, in the source frame, to a tenth of a pixel; None
            without windows.
    """

    quality: dict[str, float | None]
    tokens: dict[str, float] | None = None
    token_size: int | None = None
    hw: tuple[int, int] | None = None
    reached: list[bool] | None = None
    searched_area: float | None = None
    cores: list[list[float]] | None = None

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> ArmImage:
        """Read the arm's part of an entry of ``arm.json``."""
        quality = {name: _number(value) for name, value in entry["quality"].items()}
        return cls(
            quality=quality,
            tokens=entry["tokens"],
            token_size=entry["token_size"],
            hw=entry["hw"] and tuple(entry["hw"]),
            # Of a folder of before these were kept they are absent.
            reached=entry.get("reached"),
            searched_area=entry.get("searched_area"),
            cores=entry.get("cores"),
        )

    def to_json(self, row: ImageRow) -> dict[str, Any]:
        """The image's entry of ``arm.json``, both parts of it."""
        quality = {name: _json_number(value) for name, value in self.quality.items()}
        return {
            "img_id": row.img_id,
            "file_name": row.file_name,
            "source_hw": list(row.source_hw),
            "lr_hw": list(row.lr_hw),
            "hw": None if self.hw is None else list(self.hw),
            "quality": quality,
            "tokens": self.tokens,
            "token_size": self.token_size,
            "reached": self.reached,
            "searched_area": self.searched_area,
            "cores": self.cores,
        }


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)


def _json_number(value: float | None) -> float | str | None:
    """JSON has no infinity: it is written as a word."""
    return "inf" if value is not None and math.isinf(value) else value


@dataclass(frozen=True)
class ArmRun:
    """One arm over the whole data set, as it lies on disk.

    Convention: ``rows``, ``images`` and ``records`` have the same order.

    Args:
        name: Its name in tables.
        folder: The folder of its files.
        rows: The images.
        images: What the arm gave on each.
        ms: Median milliseconds by stage.
        macs: Mean multiply-accumulates by stage.
        ms_intervals: ``ms`` for all stages together and ``ms_<stage>``; empty where the arm was
            timed alone, as it ran.
        mb: Megabytes that an image takes beyond the weights; None where that was not measured.
        protocol: How ``records`` are counted; None for as they lie on disk.
        classes: Names of the labels, for the protocol.
    """

    name: str
    folder: Path
    rows: list[ImageRow]
    images: list[ArmImage]
    ms: dict[str, float] = field(default_factory=dict)
    macs: dict[str, float] = field(default_factory=dict)
    ms_intervals: dict[str, list[float]] = field(default_factory=dict)
    mb: float | None = None
    protocol: Protocol | None = None
    classes: tuple[str, ...] = ()

    @cached_property
    def stored(self) -> list[ImageRecord]:
        """Annotations and detections of every image, as they lie on disk."""
        return load_records(self.folder / RECORDS)[0]

    @cached_property
    def records(self) -> list[ImageRecord]:
        """Annotations and detections of every image, as the protocol counts them.

        Boxes in the source frame, areas in the frame of the size bins.
        """
        if self.protocol is None:
            return self.stored
        return all_counted(self.stored, self.protocol, self.classes)

    def reached(self, index: int) -> list[bool] | None:
        """Whether each annotation in an image's record was searched; None without routing."""
        reached = self.images[index].reached
        if reached is None or self.protocol is None:
            return reached
        left = counted(self.stored[index], self.protocol, self.classes).annotations
        return [reached[place] for place in left]

    @property
    def has_masks(self) -> bool:
        """Whether masks were kept beside the boxes, of annotations and of detections."""
        return bool(self.records) and all(r.masks is not None for r in self.records)

    def picture(self, index: int) -> Path | None:
        """The file of what the detector saw; None where pictures were not kept."""
        path = self.folder / PICTURES / f"{index:05d}.png"
        return path if path.is_file() else None

    def exits(self, index: int) -> NDArray[np.int8] | None:
        """(rows, cols) exits of an image's tokens; None without routing."""
        if self.images[index].tokens is None:
            return None
        with np.load(self.folder / ROUTING, allow_pickle=False) as file:
            return file[f"exits_{index}"]

    @classmethod
    def load(
        cls, folder: str | Path, protocol: Protocol | None = None, classes: Sequence[str] = ()
    ) -> ArmRun:
        """Read an arm's folder.

        Args:
            folder: The folder.
            protocol: How its records are counted.
            classes: Names of the labels.

        Raises:
            FileNotFoundError: There is none.
            ValueError: A later version of mmisr wrote it.
        """
        folder = Path(folder)
        content = read_schema(folder / ARM_FILE)
        rows = []
        images = []
        for entry in content["images"]:
            rows.append(ImageRow.from_json(entry))
            images.append(ArmImage.from_json(entry))
        return cls(
            name=content["name"],
            folder=folder,
            rows=rows,
            images=images,
            ms=content["ms"],
            macs=content["macs"],
            protocol=protocol,
            classes=tuple(classes),
        )


@dataclass(frozen=True)
class Comparison:
    """Everything that a comparison found.

    Args:
        arms: Figures by arm, in the order they were asked for.
        differences: For every pair of arms and every figure that both have.
        verdicts: What the differences show.
        meta: Config, data, hashes, seeds, versions, machine.
        runs: Detections, quality, routing and pictures by arm, image by image.
    """

    arms: Mapping[str, ArmFigures]
    differences: Sequence[Difference]
    verdicts: Sequence[Verdict]
    meta: Meta
    runs: Mapping[str, ArmRun]

    @property
    def images(self) -> list[ImageRow]:
        """The images, which are the same in every arm."""
        return next(iter(self.runs.values())).rows

    @property
    def rules(self) -> Protocol:
        """The protocol by whose rules detections are found and false; COCO's where it is unknown.

        A later version of mmisr may have others.
        """
        return PROTOCOLS.get(self.meta.metric.protocol, COCO)

    @property
    def has_masks(self) -> bool:
        """Whether masks were kept in every arm, because AP of masks is counted."""
        return all(run.has_masks for run in self.runs.values())

    @cached_property
    def judged(self) -> dict[str, list[ImageRecord]]:
        """By arm the records by which detections are found and false: by masks, where AP is too."""
        has_masks = self.has_masks
        by_arm = {}
        for name, run in self.runs.items():
            records = run.records
            if has_masks:
                annotated = self.meta.metric.area_source == "annotation"
                records = [by_masks(record, annotated) for record in records]
            by_arm[name] = records
        return by_arm

    def to_json(self) -> dict[str, Any]:
        """The content of ``results.json``."""
        return {
            "schema": SCHEMA,
            "arms": {name: asdict(figures) for name, figures in self.arms.items()},
            "differences": [asdict(difference) for difference in self.differences],
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "meta": asdict(self.meta),
        }

    @classmethod
    def load(cls, folder: str | Path) -> Comparison:
        """Read what ``tools/compare.py`` wrote; nothing runs again.

        Args:
            folder: What the tool was given as ``--out``.

        Raises:
            FileNotFoundError: There is no finished comparison in it.
            ValueError: A later version of mmisr wrote it.
        """
        folder = Path(folder)
        path = folder / RESULTS
        if not path.is_file():
            raise FileNotFoundError(
                f"{folder} holds no finished comparison ({RESULTS} is missing): run "
                f"tools/compare.py with --out {folder}"
            )
        content = read_schema(path)
        meta = Meta.from_json(content["meta"])
        figures = {name: ArmFigures.from_json(arm) for name, arm in content["arms"].items()}
        # A protocol of a later version is not known here: its records stay as they lie on disk.
        protocol = PROTOCOLS.get(meta.metric.protocol)
        runs = {}
        for name, place in meta.folders.items():
            runs[name] = ArmRun.load(folder / place, protocol, meta.classes)
        return cls(
            arms=figures,
            differences=[of_fields(Difference, entry) for entry in content["differences"]],
            verdicts=[of_fields(Verdict, entry) for entry in content["verdicts"]],
            meta=meta,
            runs=runs,
        )
