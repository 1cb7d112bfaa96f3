"""What ``tools/analysis/browse_dataset.py --degradations`` does: one sheet of all degradations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.degradation.corruptions import CORRUPTIONS, MIDDLE, corruption
from mmisr.degradation.mixes import MIXES, mix
from mmisr.openmmlab.samples import annotated_boxes, hr_pixels, image_seed
from mmisr.ops.files import write_image
from mmisr.registry import DATASETS
from mmisr.reports.pictures import Panel, sheet
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_bytes, to_unit

PER_ROW = 8
SIDE = 48
"""Side of what is shown, in LR pixels: as many as can be seen."""
AROUND = 512
"""Side of what is degraded, in HR pixels; the middle of it is shown."""
HEIGHT = 192
"""Of a panel: four pixels of a picture for one of LR."""
NAME = "degradations.png"


@dataclass(frozen=True)
class Cutout:
    """A part of an image, in HR and in LR.

    Args:
        hr: (1, 3, s*h, s*w) RGB in [0, 1]; None where the data set has LR images alone.
        lr: (1, 3, h, w) RGB in [0, 1], as the pipeline made it.
        top: First row that is shown, in LR pixels.
        left: First column that is shown.
        seed: What degradations are drawn by.
    """

    hr: Tensor | None
    lr: Tensor
    top: int
    left: int
    seed: int

    @property
    def scale(self) -> int:
        """HR over LR."""
        return 1 if self.hr is None else self.hr.shape[-1] // self.lr.shape[-1]

    def shown(self, image: Tensor) -> NDArray[np.uint8]:
        """(H, W, 3): what is shown of a version of it."""
        width = image.shape[-1]
        factor = width // self.lr.shape[-1]
        rows = _slice(self.top, SIDE, factor)
        columns = _slice(self.left, SIDE, factor)
        pixels = to_bytes(image[0])
        part = pixels[:, rows, columns]
        turned = part.permute(1, 2, 0)
        array = turned.numpy()
        return np.ascontiguousarray(array)


@names_config
def browse_degradations(
    config: str,
    out: str,
    split: str = "train",
    count: int | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> Path:
    """Draw the same few images under every named mix and every corruption, on one sheet.

    Two rows an image: HR, LR as the pipeline makes it, the mixes from HR, and the corruptions of
    this LR at their middle severity; around an object where one is annotated.

    Args:
        config: Config of a pair or an editor.
        out: Folder that the sheet is written to.
        split: Whose images: ``train``, ``val`` or ``test``.
        count: So many images; 3 by default.
        cfg_options: Overrides by dotted key.

    Returns:
        The sheet, ``degradations.png``.

    Raises:
        ValueError: The config has no such data set, or its pipeline makes no LR images.
        ImportError: What a corruption needs is not installed.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    loader = cfg.get(f"{split}_dataloader")
    if loader is None:
        raise ValueError(
            f"config {config} has no {split}_dataloader; choose another split, or inherit "
            "configs/_base_/datasets"
        )
    dataset = DATASETS.build(loader.dataset)
    num_images = min(len(dataset), count or 3)
    # Neighbours are often frames of one clip.
    spread = np.linspace(0, len(dataset) - 1, num_images)
    rows = []
    for place in tqdm(spread, desc=split, unit="image"):
        cutout = cut_out(dataset[round(place)])
        panels = list(degraded_panels(cutout))
        for first in range(0, len(panels), PER_ROW):
            row = panels[first : first + PER_ROW]
            rows.append(row)
    path = Path(out) / NAME
    picture = sheet(rows, HEIGHT)
    write_image(path, picture)
    return path


def cut_out(packed: dict[str, Any]) -> Cutout:
    """The part of a packed sample that is shown.

    Args:
        packed: What ``mmisr.PackSRDetInputs`` or ``mmisr.PackSRInputs`` made.

    Raises:
        ValueError: Something else packed it.
    """
    sample = packed["data_samples"]
    if "lr_shape" not in sample.metainfo:
        raise ValueError(
            "browsing needs a pipeline that ends in mmisr.PackSRDetInputs or mmisr.PackSRInputs, "
            "this one makes no LR images"
        )
    lr = packed["inputs"]
    lr_height, lr_width = hw_of(lr)
    hr = hr_pixels(sample)
    scale = 1
    if hr is not None:
        scale = hr.shape[-1] // lr_width
    row, column = _middle(sample, hw_of(lr))
    length = AROUND // scale
    rows = _window(row, lr_height, length)
    columns = _window(column, lr_width, length)
    image_id = sample.metainfo.get("img_id")
    return Cutout(
        hr=None if hr is None else _part(hr, rows, columns, scale),
        lr=_part(lr, rows, columns, 1),
        top=_first_shown(row, rows),
        left=_first_shown(column, columns),
        seed=image_seed(f"sheet:{image_id}"),
    )


def _first_shown(centre: int, around: tuple[int, int]) -> int:
    """First pixel that is shown along one axis, within the part around."""
    first, length = around
    begin, _ = _window(centre - first, length, SIDE)
    return begin


def _part(image: Tensor, rows: tuple[int, int], columns: tuple[int, int], factor: int) -> Tensor:
    """(1, 3, h, w) in [0, 1]: a part of an image whose place is told in LR pixels."""
    down = _slice(*rows, factor)
    across = _slice(*columns, factor)
    batch = image[None]
    part = batch[:, :, down, across]
    return to_unit(part)


def _slice(first: int, length: int, factor: int) -> slice:
    """Pixels of an image that is larger by a factor."""
    begin = factor * first
    end = begin + factor * length
    return slice(begin, end)


def _middle(sample: Any, hw: tuple[int, int]) -> tuple[int, int]:
    """Row and column of the first annotated object, or of the image's middle."""
    boxes = annotated_boxes(sample, "lr", hw)
    if boxes is None or not len(boxes):
        height, width = hw
        return height // 2, width // 2
    corners = boxes[0].view(2, 2)
    column, row = corners.mean(0).tolist()
    return int(row), int(column)


def _window(centre: int, side: int, length: int) -> tuple[int, int]:
    """First pixel and length of a part along one axis, within the image."""
    length = min(side, length)
    first = centre - length // 2
    return max(0, min(first, side - length)), length


def degraded_panels(cutout: Cutout) -> Iterator[Panel]:
    """The panels of one image.

    Args:
        cutout: The part of it that is shown.
    """
    hr = cutout.hr
    scale = cutout.scale
    if hr is not None:
        yield Panel("HR", cutout.shown(hr))
    lr = cutout.shown(cutout.lr)
    yield Panel(f"LR of the config, x{scale}", lr)
    names = MIXES if hr is not None else ()
    for name in names:
        degrade = mix(name, scale)
        yield _panel(name, cutout, degrade, hr)
    for name in CORRUPTIONS:
        degrade = corruption(name, MIDDLE)
        title = f"{name} {MIDDLE}"
        yield _panel(title, cutout, degrade, cutout.lr)


def _panel(
    title: str,
    cutout: Cutout,
    degrade: Callable[[Tensor, list[int]], Tensor],
    image: Tensor | None,
) -> Panel:
    """What a degradation makes; a dark panel where the image is too small for a kernel."""
    whole = cutout.lr if image is None else image
    try:
        degraded = degrade(whole, [cutout.seed])
    except ValueError:
        degraded = torch.zeros_like(cutout.lr)
        title = f"{title}: too small"
    return Panel(title, cutout.shown(degraded))
