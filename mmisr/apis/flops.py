"""What ``tools/analysis/get_flops.py`` does: multiply-accumulates and parameters of a pair and its parts."""

from __future__ import annotations

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

BOUNDS = {"all easy": "fixed:0", "all hard": "all-hard"}
"""Routers between which an adaptive editor's compute lies."""


@names_config
def get_flops(config: str, lr_hw: tuple[int, int] | None = None, cfg_options: dict[str, Any] | None = None) -> str:
    """Count what one image costs, on the first image of the test set: what an adaptive editor does depends on the pixels.

    Args:
        config: Config of a pair or of an editor.
        lr_hw: Height and width that the LR image is resized to; its own size by default.
        cfg_options: Overrides by dotted key.

    Returns:
        A table of GMACs and parameters; counting is that of :func:`mmisr.ops.macs.count_macs`.

    Raises:
        ValueError: The model is neither a pair nor an editor.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    model = MODELS.build(cfg.model).eval()
    if not isinstance(model, (SRDetector, SREditor)):
        raise ValueError(
            f"get_flops counts pairs and editors, got {type(model).__name__}; for plain detectors use mmdet's tool"
        )
    cfg.test_dataloader.update(batch_size=1, num_workers=0, persistent_workers=False)
    lr = next(iter(Runner.build_dataloader(cfg.test_dataloader)))["inputs"][0][None].float() / 255
    if lr_hw is not None:
        lr = resize(lr, lr_hw, "bicubic").clamp(0, 1)
    editor = model.editor if isinstance(model, SRDetector) else model
    rows = editor_rows(editor, lr)
    if isinstance(model, SRDetector):
        rows += detector_rows(model, lr, rows[0][1])
    title = f"one LR image of {lr.shape[-1]}x{lr.shape[-2]} pixels"
    return render_table(title, ("part", "GMACs", "million parameters"), rows)


def editor_rows(editor: SREditor, lr: Tensor) -> list[tuple[str, float, float]]:
    """Name, GMACs and million parameters of an editor; of one that can be routed also the bounds.

    Args:
        editor: In evaluation mode.
        lr: (1, 3, h, w) RGB in [0, 1].
    """
    size = parameters(editor)
    rows = [(f"editor {editor.info.name}", count_macs(editor.upscale, lr) / 1e9, size)]
    if hasattr(editor, "route_by"):
        chosen = editor.router, editor.budget
        for name, router in BOUNDS.items():
            editor.route_by(router)
            rows.append((f"  the same, {name}", count_macs(editor.upscale, lr) / 1e9, size))
        editor.router, editor.budget = chosen
    return rows


def detector_rows(pair: SRDetector, lr: Tensor, editor_gmacs: float) -> list[tuple[str, float, float]]:
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
        (f"detector {type(pair.detector).__name__} at {width}x{height}", gmacs, parameters(pair.detector)),
        ("pair", editor_gmacs + gmacs, parameters(pair)),
    ]


def parameters(model: nn.Module) -> float:
    """Million parameters."""
    return sum(p.numel() for p in model.parameters()) / 1e6
