"""What ``tools/analysis/get_flops.py`` does.

Multiply-accumulates and parameters of a pair and its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from statistics import mean
from typing import Any

import torch
from mmengine.runner import Runner
from torch import Tensor, nn

from mmisr.apis.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.evaluation.functional.tables import render_table
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.macs import count_macs
from mmisr.ops.resample import resize
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.registry import MODELS
from mmisr.structures.pixels import to_unit

Row = tuple[str, float, float]
"""Part, GMACs, million parameters."""


@names_config
def get_flops(
    config: str,
    lr_hw: tuple[int, int] | None = None,
    cfg_options: dict[str, Any] | None = None,
    num_images: int = 1,
) -> str:
    """Count what one image costs, on the first images of the test set.

    What an adaptive editor does depends on the pixels.

    Args:
        config: Config of a pair or of an editor.
        lr_hw: Height and width that the LR image is resized to; its own size by default.
        cfg_options: Overrides by dotted key.
        num_images: The mean over so many images, or over all where there are fewer.

    Returns:
        A table of GMACs and parameters; counting is that of :func:`mmisr.ops.macs.count_macs`.

    Raises:
        ValueError: The model is neither a pair nor an editor, or there is no image to count on.
    """
    if num_images < 1:
        raise ValueError(f"num_images must be at least 1, got {num_images}")
    cfg = read_config(config, cfg_options=cfg_options)
    model = MODELS.build(cfg.model).eval()
    if not isinstance(model, (SRDetector, SREditor)):
        raise ValueError(
            f"get_flops counts pairs and editors, got {type(model).__name__}; for plain detectors "
            f"use mmdet's tool"
        )
    cfg.test_dataloader.update(batch_size=1, num_workers=0, persistent_workers=False)
    sizes, counted = [], []
    for batch in islice(Runner.build_dataloader(cfg.test_dataloader), num_images):
        lr = to_unit(batch["inputs"][0][None])
        if lr_hw is not None:
            lr = resize(lr, lr_hw, "bicubic").clamp(0, 1)
        sizes.append((lr.shape[-1], lr.shape[-2]))
        counted.append(model_rows(model, lr))
    if not counted:
        raise ValueError(f"the test set of {config} has no image to count on")
    return render_table(_title(sizes), ("part", "GMACs", "million parameters"), mean_rows(counted))


def model_rows(model: SRDetector | SREditor, lr: Tensor) -> list[Row]:
    """Name, GMACs and million parameters of a model's parts.

    Args:
        model: In evaluation mode.
        lr: (1, 3, h, w) RGB in [0, 1].
    """
    if isinstance(model, SREditor):
        return editor_rows(model, lr)
    rows = editor_rows(model.editor, lr)
    return rows + detector_rows(model, lr, rows[0][1])


def mean_rows(counted: Sequence[Sequence[Row]]) -> list[Row]:
    """The rows of several images as one.

    Means of GMACs, and names without a size that not all of them have.

    Args:
        counted: The rows of each image.
    """
    rows = []
    for same in zip(*counted, strict=True):
        names = {name for name, _, _ in same}
        name = same[0][0] if len(names) == 1 else same[0][0].partition(" at ")[0]
        rows.append((name, mean(gmacs for _, gmacs, _ in same), same[0][2]))
    return rows


def editor_rows(editor: SREditor, lr: Tensor) -> list[Row]:
    """Name, GMACs and million parameters of an editor; of one that can be routed also the bounds.

    Args:
        editor: In evaluation mode.
        lr: (1, 3, h, w) RGB in [0, 1].
    """
    size = parameters(editor)
    rows = [(f"editor {editor.info.name}", editor.count_macs(lr) / 1e9, size)]
    routers = editor.info.routers
    if routers is not None:
        chosen = editor.router, editor.budget
        for name, router in (("all easy", routers.cheapest), ("all hard", routers.dense)):
            editor.route_by(router)
            rows.append((f"  the same, {name}", editor.count_macs(lr) / 1e9, size))
        editor.router, editor.budget = chosen
    return rows


def detector_rows(pair: SRDetector, lr: Tensor, editor_gmacs: float) -> list[Row]:
    """Name, GMACs and million parameters of the detector, at the size that the pair feeds it, and of the pair.

    Args:
        pair: In evaluation mode.
        lr: (1, 3, h, w) RGB in [0, 1].
        editor_gmacs: What the editor costs.
    """
    with torch.no_grad():
        sr = pair.editor.upscale(lr).image[0]
    sample = DetDataSample(metainfo={"source_shape": tuple(sr.shape[-2:])})
    batch = pair.handoff([sr], [sample], pair.detector, training=False)
    gmacs = count_macs(pair.detector.predict, batch.inputs, batch.samples) / 1e9
    height, width = batch.inputs.shape[-2:]
    return [
        (
            f"detector {type(pair.detector).__name__} at {width}x{height}",
            gmacs,
            parameters(pair.detector),
        ),
        ("pair", editor_gmacs + gmacs, parameters(pair)),
    ]


def _title(sizes: Sequence[tuple[int, int]]) -> str:
    """What was counted on, from (width, height) of the LR images."""
    low, high = min(sizes), max(sizes)
    size = (
        f"{low[0]}x{low[1]} pixels"
        if low == high
        else f"{low[0]}x{low[1]} to {high[0]}x{high[1]} pixels"
    )
    return (
        f"one LR image of {size}"
        if len(sizes) == 1
        else f"mean of {len(sizes)} LR images of {size}"
    )


def parameters(model: nn.Module) -> float:
    """Million parameters."""
    return sum(p.numel() for p in model.parameters()) / 1e6
