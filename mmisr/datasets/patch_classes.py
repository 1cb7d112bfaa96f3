"""Patches of training images by how hard they are to recover."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mmisr.datasets.crops import crop_results
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.ops.files import write_text
from mmisr.ops.patches import patch_corners
from mmisr.registry import TRANSFORMS

SCHEMA = 1
"""Of the file; raised when a key changes its meaning."""


@dataclass(frozen=True)
class PatchClasses:
    """The patches of a data set and their classes, as ``tools/data/psnr_classes.py`` writes them.

    Args:
        scale: Factor between LR and HR.
        size: Side of a patch in LR pixels.
        thresholds: PSNR in dB from which a patch belongs to the next easier class, ascending.
        images: By image id: (N, 3) whole numbers, the first row and column of each patch in LR
            pixels and its class, 0 for the easiest.
        meta: Where the classes are from.
    """

    scale: int
    size: int
    thresholds: list[float]
    images: dict[str, list[list[int]]]
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.thresholds) + 1

    def histogram(self) -> list[int]:
        """Patches of each class, easiest first."""
        counts = [0] * self.num_classes
        for patches in self.images.values():
            for _, _, of_class in patches:
                counts[of_class] += 1
        return counts

    def check_filled(self, where: str) -> None:
        """See that no class is empty.

        Args:
            where: The file, or what else the message names.

        Raises:
            ValueError: One is.
        """
        counts = self.histogram()
        empty = [number for number, count in enumerate(counts) if not count]
        if empty:
            raise ValueError(
                f"{where}: no patch is of class {empty[0]}, and its branch would learn nothing; "
                f"patches by class, easiest first: {counts}; give other --thresholds, or none for "
                "classes of equal size"
            )

    def write(self, path: Path) -> None:
        """Write the file."""
        content = {
            "schema": SCHEMA,
            "scale": self.scale,
            "size": self.size,
            "thresholds": self.thresholds,
            "patches": self.histogram(),
            "meta": self.meta,
            "images": self.images,
        }
        write_text(path, json.dumps(content) + "\n")


@cache
def read_patch_classes(path: Path) -> PatchClasses:
    """Read and check a file of patch classes.

    Args:
        path: What ``tools/data/psnr_classes.py`` wrote.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It is no such file, of another version, or a class is empty.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"there are no patch classes {path}: make them with tools/data/psnr_classes.py"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content["schema"]
        classes = PatchClasses(
            content["scale"],
            content["size"],
            content["thresholds"],
            content["images"],
            content["meta"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no file of patch classes ({type(error).__name__}: {error}); make it with "
            "tools/data/psnr_classes.py"
        ) from error
    if schema != SCHEMA:
        raise ValueError(
            f"{path} has schema {schema!r}, and {SCHEMA} is read here; make it anew with "
            "tools/data/psnr_classes.py"
        )
    classes.check_filled(str(path))
    return classes


@TRANSFORMS.register_module()
class ClassPatch(BaseTransform):
    """Crop a random patch of a random class for training, and say which class it is.

    Every class is drawn equally often, whatever its share of the data, so that every branch of
    ClassSR learns from as many patches. An image without patches is passed over.

    Args:
        classes: File that ``tools/data/psnr_classes.py`` wrote.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It does not fit; when used, an image is not in it.
    """

    needs_whole_images = True
    """Its patches are those of files, by their ids, and not those of tiles."""

    def __init__(self, classes: str) -> None:
        self.path = Path(classes)
        self.classes = read_patch_classes(self.path)

    def transform(self, results: dict) -> dict | None:
        """Cut the patch; ``patch_class`` is its class."""
        patches = self.classes.images.get(str(results["img_id"]))
        if patches is None:
            raise ValueError(
                f"{self.path} has no patches of image {results['img_id']!r} "
                f"({results.get('img_path')}): it was made for other data; make it anew with "
                "tools/data/psnr_classes.py"
            )
        if not patches:
            return None
        table = np.array(patches)
        present = np.unique(table[:, 2])
        wanted = np.random.choice(present)
        of_class = table[table[:, 2] == wanted]
        y, x, _ = of_class[np.random.randint(len(of_class))].tolist()
        scale = self.classes.scale
        side = scale * self.classes.size
        cropped = crop_results(results, scale * y, scale * x, (side, side))
        cropped["patch_class"] = int(wanted)
        return cropped


@TRANSFORMS.register_module()
class CropToTiles(BaseTransform):
    """Crop image and boxes at bottom and right so that whole tiles cover them.

    For comparison with published figures of ClassSR, whose test code drops what the last whole tile
    leaves; what it drops is not measured. A side shorter than a tile stays whole.

    Args:
        size: Side of a tile in pixels of the image, HR pixels before LR is simulated.
        stride: Pixels from one tile to the next.

    Raises:
        ValueError: A number is out of range.
    """

    def __init__(self, size: int = 128, stride: int = 112) -> None:
        if not 1 <= stride <= size:
            raise ValueError(
                f"CropToTiles needs 1 <= stride <= size, got size={size}, stride={stride}"
            )
        self.size = size
        self.stride = stride

    def transform(self, results: dict) -> dict:
        """Crop ``img`` and its annotations."""
        height, width = results["img"].shape[:2]
        h = self._covered(height)
        w = self._covered(width)
        return crop_results(results, 0, 0, (h, w))

    def _covered(self, side: int) -> int:
        """Pixels of a side that whole tiles cover."""
        beyond = side - self.size
        if beyond < 0:
            return side
        return side - beyond % self.stride


def lr_corners(lr_hw: tuple[int, int], size: int, stride: int) -> list[tuple[int, int]]:
    """First row and column of the patches of an image; none where it is smaller than a patch.

    Args:
        lr_hw: Height and width in LR pixels.
        size: Side of a patch.
        stride: Pixels from one to the next; the last of a row or column is flush with the border.

    Example:
        >>> lr_corners((32, 40), 32, 16)
        [(0, 0), (0, 8)]
    """
    if min(lr_hw) < size:
        return []
    return patch_corners(lr_hw, (size, size), (stride, stride))
