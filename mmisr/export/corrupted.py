"""A corrupted copy of a COCO data set: what it is read from, and what is written."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from numpy import uint8
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.images import check_annotated_size, read_rgb
from mmisr.degradation.pipeline import Pipeline
from mmisr.degradation.transform import corruption_seed, degraded
from mmisr.export.coco import target_names
from mmisr.export.folder import ExportFolder
from mmisr.version import __version__

ENDING = ".png"
"""Without loss: a corruption is not to be compressed once more."""
PACKAGES = ("torch", "pillow", "av")
"""Packages that decide the pixels."""


@dataclass(frozen=True)
class CorruptedCopy:
    """One copy.

    Args:
        ann_file: The COCO file.
        img_dir: Folder of its images.
        corruption: What is done to each image; its size stays.
        seed: What that is drawn by, with the image's id.
    """

    ann_file: Path
    img_dir: Path
    corruption: Pipeline
    seed: int

    def write(self, folder: ExportFolder) -> None:
        """Write what is not there yet: images, annotation file, manifest.

        Args:
            folder: Where to; new, empty, or begun with the same settings.

        Raises:
            ExportError: The folder belongs to something else or cannot be written; what is done is
                kept.
            ImageError: An image cannot be read, or has another size than the file says.
            ValueError: The annotation file is none, or an image is too small for the corruption.
        """
        content = read_annotations(str(self.ann_file))
        entries = content["images"]
        names = target_names(entries, ENDING)
        settings = self.settings()
        with folder:
            folder.begin(settings)
            self._write_images(folder, entries, names)
            renamed = _renamed(content, names, settings)
            all_names = list(names.values())
            folder.finish(settings, all_names, lambda records: renamed)

    def _write_images(
        self, folder: ExportFolder, entries: Sequence[dict[str, Any]], names: dict[Any, str]
    ) -> None:
        """Write the images that are not there yet."""
        left = _left(folder, entries, names)
        num_all = len(entries)
        num_done = num_all - len(left)
        for entry in tqdm(left, desc="corrupt", initial=num_done, total=num_all, unit="image"):
            pixels = self._pixels(entry)
            encoded = _png(pixels)
            hw = (pixels.shape[0], pixels.shape[1])
            name = names[entry["id"]]
            folder.add(name, encoded, hw, hw)

    def _pixels(self, entry: dict[str, Any]) -> NDArray[uint8]:
        """(H, W, 3) RGB: an image, corrupted."""
        path = str(self.img_dir / entry["file_name"])
        rgb = read_rgb(path)
        hw = (rgb.shape[0], rgb.shape[1])
        info = {**entry, "img_path": path}
        check_annotated_size(info, hw)
        seed = corruption_seed(self.seed, entry["id"])
        bgr = rgb[..., ::-1]
        try:
            corrupted = degraded(bgr, self.corruption, seed)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        return corrupted[..., ::-1]

    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes, for the manifest."""
        content = self.ann_file.read_bytes()
        versions = {name: _version(name) for name in PACKAGES}
        return {
            "corruption": self.corruption.name,
            "seed": self.seed,
            "annotations_sha256": hashlib.sha256(content).hexdigest(),
            "mmisr": __version__,
            **versions,
        }


def _left(
    folder: ExportFolder, entries: Sequence[dict[str, Any]], names: dict[Any, str]
) -> list[dict[str, Any]]:
    """Images that are not there yet."""
    manifest = folder.manifest()
    done = manifest.images if manifest is not None else {}
    left = []
    for entry in entries:
        name = names[entry["id"]]
        if name not in done:
            left.append(entry)
    return left


def _renamed(
    content: dict[str, Any], names: dict[Any, str], settings: dict[str, Any]
) -> dict[str, Any]:
    """The content of the annotation file, with the names of the new images."""
    images = []
    for image in content["images"]:
        name = names[image["id"]]
        renamed = {**image, "file_name": name}
        images.append(renamed)
    info = content.get("info")
    if not isinstance(info, dict):
        info = {}
    info = {**info, "mmisr_corruption": settings}
    return {**content, "images": images, "info": info}


def _png(rgb: NDArray[uint8]) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(rgb)
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
