"""What ``tools/analysis/browse_dataset.py`` does.

What the pipeline makes of a data set, as pictures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from mmisr.apis.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.apis.windows import check_display, show_picture
from mmisr.openmmlab.samples import annotated_boxes, hr_pixels
from mmisr.ops.files import fitting_name, write_image
from mmisr.registry import DATASETS
from mmisr.reports.pictures import Panel, strip

NUMBER_AND_ENDING = len("00000_.jpg")


@names_config
def browse_dataset(
    config: str,
    out: str,
    split: str = "train",
    count: int | None = None,
    cfg_options: dict[str, Any] | None = None,
    show_seconds: float | None = None,
) -> list[Path]:
    """Draw samples as they leave the pipeline: LR next to HR, with the annotated boxes on both.

    Args:
        config: Config of a pair or an editor.
        out: Folder of the pictures.
        split: ``train``, ``val`` or ``test``.
        count: How many samples; None for all.
        cfg_options: Overrides by dotted key.
        show_seconds: Also show every picture in a window, for so long; None for no window.

    Returns:
        The pictures written.

    Raises:
        RuntimeError: Windows are asked for, and there is no display.
        ValueError: The config has no such data set, or its pipeline makes no LR images.
    """
    if show_seconds is not None:
        check_display("--show-interval")
    cfg = read_config(config, cfg_options=cfg_options)
    loader = cfg.get(f"{split}_dataloader")
    if loader is None:
        raise ValueError(
            f"config {config} has no {split}_dataloader; choose another split, or inherit "
            f"configs/_base_/datasets"
        )
    dataset = DATASETS.build(loader.dataset)
    folder = Path(out)
    written = []
    for number in tqdm(range(min(len(dataset), count or len(dataset))), desc=split, unit="sample"):
        panels, name = sample_panels(dataset[number])
        written.append(folder / f"{number:05d}_{fitting_name(name, NUMBER_AND_ENDING)}.jpg")
        write_image(written[-1], strip(panels), quality=90)
        if show_seconds is not None:
            show_picture(written[-1], show_seconds)
    return written


def sample_panels(packed: dict[str, Any]) -> tuple[list[Panel], str]:
    """The pictures of a packed sample, and the name of its image.

    Args:
        packed: What ``mmisr.PackSRDetInputs`` or ``mmisr.PackSRInputs`` made.

    Raises:
        ValueError: Something else packed it.
    """
    sample, lr = packed["data_samples"], _pixels(packed["inputs"])
    if "lr_shape" not in sample.metainfo:
        raise ValueError(
            "browsing needs a pipeline that ends in mmisr.PackSRDetInputs or mmisr.PackSRInputs, "
            "this one makes no LR images; "
            "for plain detectors use mmdet's tool"
        )
    boxes, in_lr = (
        annotated_boxes(sample, frame, (lr.shape[0], lr.shape[1])) for frame in ("source", "lr")
    )
    if boxes is None or in_lr is None:
        boxes = in_lr = torch.zeros((0, 4))
    hr = hr_pixels(sample)
    panels = [Panel(_title("LR", lr, boxes), lr, in_lr.numpy())]
    if hr is not None:
        panels.append(Panel(_title("HR", _pixels(hr), boxes), _pixels(hr), boxes.numpy()))
    return panels, Path(str(sample.metainfo.get("img_path"))).stem


def _pixels(image: Tensor) -> NDArray[np.uint8]:
    """(3, H, W) uint8 to (H, W, 3)."""
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy())


def _title(what: str, image: NDArray[np.uint8], boxes: Tensor) -> str:
    return f"{what} ({image.shape[1]}x{image.shape[0]}): {len(boxes)} annotated"
