"""Arms on disk: one folder an arm, named by what it depends on, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mmisr.analysis.comparison.arms import mean_macs
from mmisr.analysis.comparison.result import ARM_FILE, PICTURES, RECORDS, ROUTING
from mmisr.evaluation.functional.coco_records import ImageRecord, load_records, save_records
from mmisr.evaluation.functional.region_quality import REGIONS, region_quality
from mmisr.evaluation.functional.routing_shares import routing_shares
from mmisr.openmmlab.detector import DetDataSample
from mmisr.ops.files import write_image, write_text, write_whole
from mmisr.structures.pixels import to_bytes, to_unit

KEY_LENGTH = 16
CHUNK = 10
"""An arm that is killed loses at most the work of so many images."""
OF_ARM, PARTS = "arm.txt", "parts"
NO_QUALITY: dict[str, float | None] = {
    f"{kind}_{region}": None for kind in ("psnr", "ssim") for region in REGIONS
}


def arm_key(facts: Mapping[str, Any]) -> str:
    """The key of an arm: a hash of everything it depends on, files by their content.

    Args:
        facts: Plain data; a string that names a file stands for what is in it.

    Returns:
        Hexadecimal digits.
    """
    content = {"facts": facts, "files": file_hashes(facts)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[
        :KEY_LENGTH
    ]


def file_hashes(facts: Any) -> dict[str, str]:
    """SHA-256 of every file that is named anywhere in plain data."""
    return {name: _hash(name, Path(name).stat().st_mtime_ns) for name in sorted(set(_files(facts)))}


def _files(facts: Any) -> Iterator[str]:
    if isinstance(facts, Mapping):
        facts = list(facts.values())
    if isinstance(facts, (list, tuple)):
        for fact in facts:
            yield from _files(fact)
    elif (
        isinstance(facts, str) and "\n" not in facts and len(facts) < 1024 and Path(facts).is_file()
    ):
        yield facts


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
        metric: BaseMetric,
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
        self._kept = 0
        # Named after the arm, not its key, so that the next try clears away what an interrupted one
        # left.
        self._unfinished = folder.with_name(f".{folder.name[: -KEY_LENGTH - 1]}.unfinished")
        owner = self._unfinished / OF_ARM
        if not owner.is_file() or owner.read_text(encoding="utf-8") != folder.name:
            shutil.rmtree(self._unfinished, ignore_errors=True)
        for kind in (PICTURES, PARTS):
            (self._unfinished / kind).mkdir(parents=True, exist_ok=True)
        write_text(owner, folder.name)
        for part in sorted((self._unfinished / PARTS).glob("*.json")):
            self._read(part)

    def _read(self, part: Path) -> None:
        content = json.loads(part.read_text(encoding="utf-8"))
        self.rows += content["rows"]
        self.macs += content["macs"]
        self.exits |= {
            name: np.array(exits, dtype=np.int8) for name, exits in content["exits"].items()
        }
        self.records += load_records(part.with_suffix(".npz"))[0]
        self._kept = len(self.rows)

    def _keep(self) -> None:
        """Write the images since the last part.

        The JSON file comes last and says that the part is whole.
        """
        part, new = (
            self._unfinished / PARTS / f"{self._kept:08d}",
            range(self._kept, len(self.rows)),
        )
        write_whole(
            part.with_suffix(".npz"), lambda path: save_records(path, self.records[self._kept :])
        )
        exits = {n: self.exits[n].tolist() for n in (f"exits_{i}" for i in new) if n in self.exits}
        content = {"rows": self.rows[self._kept :], "macs": self.macs[self._kept :], "exits": exits}
        write_text(part.with_suffix(".json"), json.dumps(content))
        self._kept = len(self.rows)

    def add(self, sample: DetDataSample, macs: dict[str, float]) -> None:
        """Keep one predicted sample, and what it cost by stage."""
        index = len(self.rows)
        self.metric.process({}, [sample.to_dict()])
        self.records.append(self.metric.results.pop())
        routing = sample.metainfo.get("routing")
        if routing is not None:
            self.exits[f"exits_{index}"] = routing.exits[0].cpu().numpy().astype(np.int8)
        tokens = routing and {
            k.removeprefix("tokens_"): v for k, v in routing_shares(routing).items()
        }
        self.rows.append(
            {
                "img_id": self.records[-1].img_id,
                "file_name": self.name_of(str(sample.metainfo.get("img_path", index))),
                "source_hw": [int(v) for v in sample.metainfo["source_shape"][:2]],
                "lr_hw": [int(v) for v in sample.metainfo["lr_shape"][:2]],
                "hw": [int(v) for v in sample.sr.shape[-2:]],
                "quality": _quality(sample),
                "tokens": tokens,
                "token_size": routing and routing.token_size,
            }
        )
        if self.pictures:
            save_picture(sample.sr, self._unfinished / PICTURES / f"{index:05d}.png")
        self.macs.append(macs)
        if len(self.rows) - self._kept >= CHUNK:
            self._keep()

    def finish(self, facts: Mapping[str, Any], ms: Mapping[str, float]) -> None:
        """Write the rest and give the folder its name.

        Args:
            facts: ``name``, ``key`` and what else shall stand in ``arm.json``.
            ms: Median milliseconds by stage.
        """
        write_whole(self._unfinished / RECORDS, lambda path: save_records(path, self.records))
        write_whole(self._unfinished / ROUTING, self._save_exits)
        content = {**facts, "ms": dict(ms), "macs": mean_macs(self.macs), "images": self.rows}
        write_text(self._unfinished / ARM_FILE, json.dumps(content, default=str) + "\n")
        shutil.rmtree(self.folder, ignore_errors=True)
        self._unfinished.rename(self.folder)
        shutil.rmtree(self.folder / PARTS)
        (self.folder / OF_ARM).unlink()

    def _save_exits(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez_compressed(file, **self.exits)  # type: ignore[arg-type]  # numpy names its own flag


def _quality(sample: DetDataSample) -> dict[str, float | str | None]:
    """Quality of an image; None where a figure does not exist, and infinity as a word, which JSON can hold."""
    if "hr" not in sample or sample.sr.shape != sample.hr.shape:
        return dict(NO_QUALITY)
    found = region_quality(sample.sr, to_unit(sample.hr.cpu()), sample.gt_instances.bboxes)
    return {k: None if math.isnan(v) else "inf" if math.isinf(v) else v for k, v in found.items()}


def save_picture(image: Tensor, path: Path) -> None:
    """Write a (3, H, W) RGB image in [0, 1] as 8 bits, losslessly.

    Packed lightly, because packing takes the time.
    """
    pixels = to_bytes(image).permute(1, 2, 0).cpu().numpy()
    write_image(path, Image.fromarray(pixels), compress_level=1)


def forget_others(parent: Path, kept: Sequence[str]) -> None:
    """Remove what is left of other versions of the arms in ``kept`` (folder names), whose key has changed."""
    names = {folder[: -KEY_LENGTH - 1]: folder for folder in kept}
    for folder in parent.iterdir():
        name = folder.name[: -KEY_LENGTH - 1]
        if names.get(name, folder.name) != folder.name:
            shutil.rmtree(folder, ignore_errors=True)
