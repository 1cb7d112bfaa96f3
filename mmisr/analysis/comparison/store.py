"""Store: arms on disk, one folder per arm, named by what it depends on, whole or not there at all.

The layout is that of :mod:`mmisr.analysis.comparison.result`.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mmisr.analysis.comparison.arms import mean_macs
from mmisr.analysis.comparison.result import (
    ARM_FILE,
    PICTURES,
    RECORDS,
    ROUTING,
    ArmImage,
    ImageRow,
)
from mmisr.analysis.comparison.schema import SCHEMA
from mmisr.evaluation.functional.coco_records import ImageRecord, load_records, save_records
from mmisr.evaluation.functional.object_recall import Reach, image_reach
from mmisr.evaluation.functional.region_quality import REGIONS, region_quality
from mmisr.evaluation.functional.routing_shares import routing_shares
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.samples import boxes_in_hr
from mmisr.ops.files import whole_files, write_image, write_text, write_whole
from mmisr.structures.pixels import to_bytes, to_unit
from mmisr.structures.sr_result import RoutingMap

KEY_LENGTH = 16
CHUNK = 10
"""An arm that is killed loses at most the work of so many images."""
OF_ARM = "arm.txt"
"""Says in an unfinished folder whose it is."""

CHUNKS = "parts"
"""Where an unfinished folder keeps the images that are done."""

NO_QUALITY: dict[str, float | None] = {
    f"{kind}_{region}": None for kind in ("psnr", "ssim") for region in REGIONS
}


def arm_key(facts: Any) -> str:
    """The key of an arm or a run: a hash of everything it depends on, files by their content.

    Args:
        facts: Plain data; a string that names a file stands for what is in it.

    Returns:
        Hexadecimal digits.
    """
    content = {"facts": facts, "files": file_hashes(facts)}
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def file_hashes(facts: Any) -> dict[str, str]:
    """SHA-256 of every file that is named anywhere in plain data.

    Args:
        facts: Strings, in mappings and sequences of any depth.

    Returns:
        By the name of the file.
    """
    hashes = {}
    for name in sorted(set(_files(facts))):
        changed = Path(name).stat().st_mtime_ns
        hashes[name] = _hash(name, changed)
    return hashes


def _files(facts: Any) -> Iterator[str]:
    """Every string that names a file."""
    if isinstance(facts, Mapping):
        facts = list(facts.values())
    if isinstance(facts, (list, tuple)):
        for fact in facts:
            yield from _files(fact)
    elif isinstance(facts, str) and _names_file(facts):
        yield facts


def _names_file(text: str) -> bool:
    # A config's text is a string as well, too long for a name, and some systems refuse to look.
    return "\n" not in text and len(text) < 1024 and Path(text).is_file()


@lru_cache
def _hash(name: str, changed: int) -> str:
    digest = hashlib.sha256()
    with Path(name).open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


class ArmWriter:
    """Collects what an arm gives, image by image, and puts its folder in place when it is complete.

    What was given is kept every :data:`CHUNK` images. A writer of the same folder, whose name holds
    the key of all that the arm depends on, goes on from there: ``len(rows)`` images are done.

    Args:
        folder: The folder to write; a temporary one beside it holds what is not complete.
        metric: A :class:`mmisr.SizeBinnedCocoMetric` that says in which frame objects are measured.
        name_of: The name of a file in tables, from its path.
        pictures: Whether what the detector saw is stored.
    """

    def __init__(
        self,
        folder: Path,
        metric: SizeBinnedCocoMetric,
        name_of: Callable[[str], str] = str,
        pictures: bool = True,
    ) -> None:
        self.folder = folder
        self.metric = metric
        self.name_of = name_of
        self.pictures = pictures
        self.rows: list[dict[str, Any]] = []
        self.records: list[ImageRecord] = []
        self.exits: dict[str, NDArray[np.int8]] = {}
        self.macs: list[dict[str, float]] = []
        self._num_kept = 0
        # Named after the arm, not its key, so that the next try clears away what an interrupted one
        # left.
        self._unfinished = _unfinished(folder)
        self._claim()
        for chunk in whole_files(self._unfinished / CHUNKS, ".json"):
            self._read(chunk)

    def _claim(self) -> None:
        """Make the unfinished folder this arm's; what another version of the arm left goes."""
        if not _is_begun(self.folder):
            shutil.rmtree(self._unfinished, ignore_errors=True)
        for kind in (PICTURES, CHUNKS):
            folder = self._unfinished / kind
            folder.mkdir(parents=True, exist_ok=True)
        write_text(self._unfinished / OF_ARM, self.folder.name)

    def _read(self, chunk: Path) -> None:
        """Go on after a chunk that an interrupted run left."""
        text = chunk.read_text(encoding="utf-8")
        content = json.loads(text)
        self.rows += content["rows"]
        self.macs += content["macs"]
        for name, exits in content["exits"].items():
            self.exits[name] = np.array(exits, dtype=np.int8)
        boxes = chunk.with_suffix(".npz")
        records, _ = load_records(boxes)
        self.records += records
        self._num_kept = len(self.rows)

    def _keep(self) -> None:
        """Write the images since the last chunk.

        The JSON file comes last and says that the chunk is whole.
        """
        first = self._num_kept
        chunk = self._unfinished / CHUNKS / f"{first:08d}"
        rows = self.rows[first:]
        macs = self.macs[first:]
        records = self.records[first:]
        exits = {}
        for index in range(first, len(self.rows)):
            name = f"exits_{index}"
            if name in self.exits:
                exits[name] = self.exits[name].tolist()
        content = {"rows": rows, "macs": macs, "exits": exits}
        write_whole(chunk.with_suffix(".npz"), lambda path: save_records(path, records))
        write_text(chunk.with_suffix(".json"), json.dumps(content))
        self._num_kept = len(self.rows)

    def add(self, sample: DetDataSample, macs: dict[str, float]) -> None:
        """Keep one predicted sample.

        Args:
            sample: The sample, with the SR image.
            macs: What it cost, by stage.
        """
        index = len(self.rows)
        content = sample.to_dict()
        record = self.metric.record_of(content)
        reach = image_reach(content, record)
        routing = sample.metainfo.get("routing")
        if routing is not None:
            exits = routing.exits[0].cpu().numpy()
            self.exits[f"exits_{index}"] = exits.astype(np.int8)
        if self.pictures:
            picture = self._unfinished / PICTURES / f"{index:05d}.png"
            save_picture(sample.sr, picture)
        path = str(sample.metainfo.get("img_path", index))
        row = ImageRow(
            img_id=record.img_id,
            file_name=self.name_of(path),
            source_hw=_hw(sample.metainfo["source_shape"]),
            lr_hw=_hw(sample.metainfo["lr_shape"]),
        )
        image = _image(sample, routing, reach)
        self.rows.append(image.to_json(row))
        self.records.append(record)
        self.macs.append(macs)
        if len(self.rows) - self._num_kept >= CHUNK:
            self._keep()

    def pause(self) -> None:
        """Keep what there is: the next writer of the folder goes on from here."""
        if len(self.rows) > self._num_kept:
            self._keep()

    def finish(self, facts: Mapping[str, Any], ms: Mapping[str, float]) -> None:
        """Write the rest and give the folder its name.

        Args:
            facts: ``name``, ``key`` and what else shall stand in ``arm.json``.
            ms: Median milliseconds by stage.
        """
        content = {
            "schema": SCHEMA,
            **facts,
            "ms": dict(ms),
            "macs": mean_macs(self.macs),
            "images": self.rows,
        }
        write_whole(self._unfinished / RECORDS, lambda path: save_records(path, self.records))
        write_whole(self._unfinished / ROUTING, self._save_exits)
        write_text(self._unfinished / ARM_FILE, json.dumps(content, default=str) + "\n")
        shutil.rmtree(self.folder, ignore_errors=True)
        self._unfinished.rename(self.folder)
        shutil.rmtree(self.folder / CHUNKS)
        (self.folder / OF_ARM).unlink()

    def _save_exits(self, path: Path) -> None:
        with path.open("wb") as file:
            # numpy names its own flag in the signature.
            np.savez_compressed(file, **self.exits)  # type: ignore[arg-type]


def num_done(folder: Path) -> int:
    """How many images an interrupted run of an arm has done.

    Args:
        folder: The folder of the arm, which is not there yet.
    """
    if not _is_begun(folder):
        return 0
    chunks = whole_files(_unfinished(folder) / CHUNKS, ".json")
    if not chunks:
        return 0
    last = chunks[-1]
    content = json.loads(last.read_text(encoding="utf-8"))
    return int(last.stem) + len(content["rows"])


def _unfinished(folder: Path) -> Path:
    """Where an arm lies until it is complete."""
    return folder.with_name(f".{_arm_of(folder.name)}.unfinished")


def _is_begun(folder: Path) -> bool:
    """Whether what is not complete is this arm's, and no other version's."""
    owner = _unfinished(folder) / OF_ARM
    return owner.is_file() and owner.read_text(encoding="utf-8") == folder.name


def _hw(shape: Sequence[int]) -> tuple[int, int]:
    return int(shape[0]), int(shape[1])


def _image(sample: DetDataSample, routing: RoutingMap | None, reach: Reach | None) -> ArmImage:
    """What the arm gave on the image of a sample."""
    quality = _quality(sample)
    hw = _hw(sample.sr.shape[-2:])
    image = ArmImage(quality, hw=hw, cores=_cores(sample))
    if routing is not None:
        image = replace(image, tokens=_tokens(routing), token_size=routing.token_size)
    if reach is not None:
        reached = reach.reached.tolist()
        image = replace(image, reached=reached, searched_area=reach.area)
    return image


def _tokens(routing: RoutingMap) -> dict[str, float]:
    """Share of the tokens by exit."""
    tokens = {}
    for name, share in routing_shares(routing).items():
        exit_name = name.removeprefix("tokens_")
        tokens[exit_name] = share
    return tokens


def _cores(sample: DetDataSample) -> list[list[float]] | None:
    """What windows answer for; None without windows."""
    searched = sample.metainfo.get("searched")
    if searched is None:
        return None
    tenths = searched.double().round(decimals=1)
    return tenths.tolist()


def _quality(sample: DetDataSample) -> dict[str, float | None]:
    """Quality of an image by flat name; None where a figure does not exist."""
    if "hr" not in sample or sample.sr.shape != sample.hr.shape:
        return dict(NO_QUALITY)
    hr = to_unit(sample.hr.cpu())
    boxes = boxes_in_hr(sample)
    if boxes is None:
        return dict(NO_QUALITY)
    quality: dict[str, float | None] = {}
    for name, value in region_quality(sample.sr, hr, boxes).items():
        quality[name] = None if math.isnan(value) else value
    return quality


def save_picture(image: Tensor, path: Path) -> None:
    """Write a (3, H, W) RGB image in [0, 1] as 8 bits, losslessly.

    Packed lightly, because packing takes the time.
    """
    pixels = to_bytes(image).permute(1, 2, 0).cpu().numpy()
    write_image(path, Image.fromarray(pixels), compress_level=1)


def forget_others(parent: Path, current: Sequence[str]) -> None:
    """Remove other versions of arms, whose key has changed; arms of other names stay.

    Args:
        parent: The folder of the arms' folders.
        current: Names of the folders that are current.
    """
    by_arm = {}
    for name in current:
        by_arm[_arm_of(name)] = name
    for folder in parent.iterdir():
        name = folder.name
        newest = by_arm.get(_arm_of(name), name)
        if name != newest:
            shutil.rmtree(folder, ignore_errors=True)


def _arm_of(folder_name: str) -> str:
    """The arm's name, without the key behind it."""
    return folder_name[: -KEY_LENGTH - 1]
