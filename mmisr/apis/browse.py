"""What ``tools/analysis/browse_dataset.py`` does: draw what a pipeline makes of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.apis.windows import check_display, show_picture
from mmisr.openmmlab.samples import annotated_boxes, annotated_masks, boxes_in_hr, hr_pixels
from mmisr.ops.files import fitting_name, write_image
from mmisr.registry import DATASETS
from mmisr.reports.annotate import tinted
from mmisr.reports.pictures import TRUTH, Panel, strip

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
        out: Folder that the pictures are written to.
        split: Whose samples: ``train``, ``val`` or ``test``.
        count: So many samples are drawn; None for all.
        cfg_options: Overrides by dotted key.
        show_seconds: Every picture is shown in a window for so many seconds; None for no window.

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
            "configs/_base_/datasets"
        )
    dataset = DATASETS.build(loader.dataset)
    num_samples = min(len(dataset), count or len(dataset))
    written = []
    for number in tqdm(range(num_samples), desc=split, unit="sample"):
        panels, name = sample_panels(dataset[number])
        path = Path(out) / f"{number:05d}_{fitting_name(name, NUMBER_AND_ENDING)}.jpg"
        write_image(path, strip(panels), quality=90)
        written.append(path)
        if show_seconds is not None:
            show_picture(path, show_seconds)
    return written


def sample_panels(packed: dict[str, Any]) -> tuple[list[Panel], str]:
    """The pictures of a packed sample, and the name of its image.

    Args:
        packed: What ``mmisr.PackSRDetInputs`` or ``mmisr.PackSRInputs`` made.

    Raises:
        ValueError: Something else packed it.
    """
    sample = packed["data_samples"]
    lr = _pixels(packed["inputs"])
    if "lr_shape" not in sample.metainfo:
        raise ValueError(
            "browsing needs a pipeline that ends in mmisr.PackSRDetInputs or mmisr.PackSRInputs, "
            "this one makes no LR images; for plain detectors use mmdet's tool"
        )
    lr_hw = (lr.shape[0], lr.shape[1])
    in_lr = _or_none(annotated_boxes(sample, "lr", lr_hw))
    # The same boxes on both: where they part, the pipeline moves images and boxes apart.
    masks_lr = annotated_masks(sample, "lr", lr_hw)
    picture = _with_masks(lr, masks_lr)
    panels = [Panel(_title("LR", lr, in_lr), picture, in_lr.numpy())]
    packed_hr = hr_pixels(sample)
    if packed_hr is not None:
        hr = _pixels(packed_hr)
        in_hr = _or_none(boxes_in_hr(sample))
        masks = annotated_masks(sample, "source")
        picture = _with_masks(hr, masks)
        panels.append(Panel(_title("HR", hr, in_hr), picture, in_hr.numpy()))
    return panels, Path(str(sample.metainfo.get("img_path"))).stem


def _or_none(boxes: Tensor | None) -> Tensor:
    """The boxes, (0, 4) where nothing is annotated."""
    return torch.zeros((0, 4)) if boxes is None else boxes


def _pixels(image: Tensor) -> NDArray[np.uint8]:
    """(3, H, W) uint8 to (H, W, 3)."""
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy())


def _with_masks(image: NDArray[np.uint8], masks: Tensor | None) -> NDArray[np.uint8]:
    """An image with its annotated masks, where the pipeline loads some in its frame."""
    if masks is None or tuple(masks.shape[1:]) != image.shape[:2]:
        return image
    return tinted(image, masks.numpy(), [0] * len(masks), [TRUTH])


def _title(what: str, image: NDArray[np.uint8], boxes: Tensor) -> str:
    return f"{what} ({image.shape[1]}x{image.shape[0]}): {len(boxes)} annotated"
