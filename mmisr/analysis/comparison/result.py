"""What a comparison found, on disk and in memory.

The data that tables and the report are made from.

The folder that ``tools/compare.py --out FOLDER`` writes::

    results.json                 figures, intervals, differences, verdicts, meta (below)
    results.csv  results.md      the same figures as tables
    report.html                  the page, made again by tools/report.py
    arms/<NAME>-<KEY>/           one folder an arm; KEY is the hash of all that the arm depends on
        arm.json                 key, arm, ms, macs, and one row an image (below)
        records.npz              boxes, see mmisr.evaluation.functional.coco_records.load_records
        routing.npz              exits_<INDEX>: (rows, cols) int8 exits of image INDEX; only where
                                 the arm routes
        sr/<INDEX>.png           what the detector saw, 8-bit RGB, lossless; INDEX counts images
                                 from 00000

``results.json``::

    {"arms": {NAME: {
        "AP", "AP50", "AP75", "AR",
        "bins": {BIN: {"AP", "AP50", "AP75", "AR", "count"}},
        "psnr": {"whole", "in_box", "out_box"},  "ssim": {the same},
        "new_false_positives": mean an image, of detections with score >= 0.3 that touch no
                               annotation of any class and are absent from the bicubic arm;
                               null without a bicubic arm
        "tokens": {EXIT: mean share of tokens},              empty where the arm routes none
        "macs", "macs_by_stage": {STAGE: value}, "ms": {STAGE: value},
        "intervals": {FIGURE: [lo, hi]}}},           and "ms", "ms_<stage>" of the median time
     "differences": [{"a", "b", "figure", "delta", "lo", "hi"}],
                                                         delta = figure of a - figure of b
     "verdicts": [{"a", "b", "figure", "shown", "text"}],
                                                         shown: "higher", "lower" or "none"
     "meta": {...}}

FIGURE is a flat name: AP, AP50, AP75, AR, AP_<bin>, AP50_<bin>, AP75_<bin>, AR_<bin>,
psnr_<region>, ssim_<region>, new_false_positives. Numbers are unrounded; a figure that does not
exist is null among an arm's figures, and has neither an interval nor a difference.
:meth:`Comparison.load` reads the folder; nothing runs again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import ImageRecord, load_records

RESULTS, ARM_FILE, RECORDS, ROUTING, PICTURES = (
    "results.json",
    "arm.json",
    "records.npz",
    "routing.npz",
    "sr",
)

ArmFigures = dict[str, Any]
"""The figures of one arm, as in ``results.json``."""


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


@dataclass(frozen=True)
class ArmImage:
    """What one arm gave on one image.

    Args:
        quality: ``psnr_<region>`` and ``ssim_<region>``; None where a figure does not exist,
            ``inf`` for equal pixels.
        tokens: Share of tokens by exit; None without routing.
        token_size: Side of a token in LR pixels; None without routing.
        hw: Height and width of what the detector saw.
    """

    quality: dict[str, float | None]
    tokens: dict[str, float] | None = None
    token_size: int | None = None
    hw: tuple[int, int] | None = None


@dataclass(frozen=True)
class ArmRun:
    """One arm over the whole data set, as it lies on disk.

    Convention: ``rows``, ``images`` and ``records`` have the same order.

    Args:
        name: Its name in tables.
        folder: Its files.
        rows: The images.
        images: What the arm gave on each.
        ms: Median milliseconds by stage.
        macs: Mean multiply-accumulates by stage.
        ms_intervals: ``ms`` for all stages together and ``ms_<stage>``; empty where the arm was
            timed alone, as it ran.
    """

    name: str
    folder: Path
    rows: list[ImageRow]
    images: list[ArmImage]
    ms: dict[str, float] = field(default_factory=dict)
    macs: dict[str, float] = field(default_factory=dict)
    ms_intervals: dict[str, list[float]] = field(default_factory=dict)

    @cached_property
    def records(self) -> list[ImageRecord]:
        """Annotations and detections of every image.

        Boxes in the source frame, areas in the frame of the size bins.
        """
        return load_records(self.folder / RECORDS)[0]

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
    def load(cls, folder: str | Path) -> ArmRun:
        """Read an arm's folder.

        Raises:
            FileNotFoundError: There is none.
        """
        content = json.loads((Path(folder) / ARM_FILE).read_text(encoding="utf-8"))
        rows = [
            ImageRow(r["img_id"], r["file_name"], tuple(r["source_hw"]), tuple(r["lr_hw"]))
            for r in content["images"]
        ]
        images = [
            ArmImage(_inf(r["quality"]), r["tokens"], r["token_size"], r["hw"] and tuple(r["hw"]))
            for r in content["images"]
        ]
        return cls(content["name"], Path(folder), rows, images, content["ms"], content["macs"])


@dataclass(frozen=True)
class Comparison:
    """Everything that a comparison found.

    Args:
        arms: Figures by arm, in the order they were asked for.
        differences: For every pair of arms and every figure that both have.
        verdicts: What the differences show.
        meta: Config, data, hashes, seeds, versions, machine; ``meta['classes']`` names the labels,
            ``meta['folders']`` the arms' folders relative to the comparison's.
        runs: Detections, quality, routing and pictures by arm, image by image.
    """

    arms: Mapping[str, ArmFigures]
    differences: Sequence[Difference]
    verdicts: Sequence[Verdict]
    meta: Mapping[str, Any]
    runs: Mapping[str, ArmRun]

    @property
    def images(self) -> list[ImageRow]:
        """The images, which are the same in every arm."""
        return next(iter(self.runs.values())).rows

    def to_json(self) -> dict[str, Any]:
        """The content of ``results.json``."""
        return {
            "arms": dict(self.arms),
            "differences": [vars(d) for d in self.differences],
            "verdicts": [vars(v) for v in self.verdicts],
            "meta": dict(self.meta),
        }

    @classmethod
    def load(cls, folder: str | Path) -> Comparison:
        """Read what ``tools/compare.py`` wrote; nothing runs again.

        Args:
            folder: Its ``--out``.

        Raises:
            FileNotFoundError: There is no finished comparison in it.
        """
        path = Path(folder) / RESULTS
        if not path.is_file():
            raise FileNotFoundError(
                f"{folder} holds no finished comparison ({RESULTS} is missing): run "
                f"tools/compare.py with --out {folder}"
            )
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            arms=content["arms"],
            differences=[Difference(**d) for d in content["differences"]],
            verdicts=[Verdict(**v) for v in content["verdicts"]],
            meta=content["meta"],
            runs={
                name: ArmRun.load(Path(folder) / place)
                for name, place in content["meta"]["folders"].items()
            },
        )


def _inf(quality: dict[str, Any]) -> dict[str, float | None]:
    """JSON has no infinity: it is written as a word."""
    return {name: float(v) if v is not None else None for name, v in quality.items()}
