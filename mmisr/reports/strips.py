"""One strip per image of a comparison: LR, bicubic, SR, where its compute went, HR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from mmisr.analysis.comparison.result import ArmRun, Comparison
from mmisr.ops.files import fitting_name, write_image
from mmisr.reports.pictures import Panel, kept_picture, strip
from mmisr.structures.sr_result import RoutingMap

TITLES = {
    "lr": "LR",
    "bicubic": "bicubic x4",
    "instance_sr": "InstanceSR x4",
    "instance_sr_windows": "InstanceSR x4 in windows",
    "hr": "HR",
}
"""Arms that are drawn, where the comparison has them."""

ROUTED = "instance_sr"
ENDING = ".jpg"
QUALITY = 88
SHOWN_SCORE = 0.5
"""Boxes of at least this score are drawn; AP counts all."""


def write_strips(comparison: Comparison, folder: Path) -> None:
    """Write a JPEG per image, with predicted boxes in green and annotated ones in white.

    Args:
        comparison: A comparison of the standard arms at x4.
        folder: The folder of the pictures.

    Raises:
        FileNotFoundError: An arm's pictures are gone.
    """
    bar = tqdm(comparison.images, desc="pictures", unit="image")
    for index, row in enumerate(bar):
        panels = []
        for arm, title in TITLES.items():
            run = comparison.runs.get(arm)
            if run is None:
                continue
            panels.append(_panel(title, run, index))
            if arm == ROUTED:  # the same image again, tinted by where the compute went
                panels.append(_routing(run, index))
        stem = Path(row.file_name).stem
        name = fitting_name(stem, len(ENDING)) + ENDING
        picture = strip(panels)
        write_image(folder / name, picture, quality=QUALITY)


def _panel(title: str, run: ArmRun, index: int) -> Panel:
    picture = kept_picture(run, index)
    row = run.rows[index]
    source_height, _ = row.source_hw
    factor = picture.height / source_height
    record = run.records[index]
    shown = record.det_scores >= SHOWN_SCORE
    counted = ~record.gt_ignore
    boxes = record.det_xyxy[shown]
    truth = record.gt_xyxy[counted]
    size = f"{picture.width}x{picture.height}"
    text = f"{title} ({size}): {len(boxes)} found, {len(truth)} annotated"
    return Panel(
        title=text,
        image=np.asarray(picture),
        truth_xyxy=truth * factor,
        found_xyxy=boxes * factor,
        searched_xyxy=_searched(run, index, factor),
    )


def _searched(run: ArmRun, index: int, factor: float) -> NDArray[np.floating] | None:
    """(K, 4) cores of the windows in pixels of the picture; None for whole images."""
    cores = run.images[index].cores
    if cores is None:
        return None
    xyxy = np.reshape(cores, (-1, 4))
    return xyxy * factor


def _routing(run: ArmRun, index: int) -> Panel:
    picture = kept_picture(run, index)
    exits = run.exits(index)
    token_size = run.images[index].token_size
    routing = None
    if exits is not None and token_size is not None:
        batch_of_one = torch.from_numpy(exits)[None]
        routing = RoutingMap(batch_of_one, token_size)
    return Panel(
        title="routing: amber moderate, pink hard",
        image=np.asarray(picture),
        routing=routing,
    )
