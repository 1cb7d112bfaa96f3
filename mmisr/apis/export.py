"""What ``tools/export_sr.py`` does: a COCO data set as a detector would see it.

Super-resolved, interpolated, or as LR images.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import inner_dataset, inner_datasets, test_pipeline
from mmisr.apis.configs import read_config
from mmisr.apis.models import init_model
from mmisr.export.folder import ANNOTATIONS, ExportFolder
from mmisr.export.options import ExportOptions
from mmisr.export.source import open_source, settings_of
from mmisr.export.upscaler import build_upscaler
from mmisr.export.writing import ExportRun
from mmisr.openmmlab.processes import Process, join_for_messages
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.weights import check_named_weights

__all__ = ["ExportOptions", "export_sr"]


@names_config
def export_sr(
    config: str | Path | Config,
    out_dir: str | Path,
    checkpoint: str | Path | None = None,
    options: ExportOptions | None = None,
    cfg_options: dict[str, Any] | None = None,
    device: str | None = None,
    launcher: str = "none",
) -> Path:
    """Write ``images/``, ``annotations.json`` and ``manifest.json``, for any tool that reads COCO.

    Convention: boxes, areas, masks and keypoints are in the frame of the images written. Several
    processes share the images out and write the same bytes as one. A run that ended early, however
    it ended, is resumed by the same call.

    Args:
        config: Config of a pair or of an editor.
        out_dir: The folder: new, empty, or begun with the same settings. All processes must see it.
        checkpoint: Weights of the whole model, for ``what='sr'``; None for those that the config
            itself names.
        options: What is written, and how; SR of the test images as PNG by default.
        cfg_options: Overrides of the config by dotted key.
        device: Where to upscale; a GPU where there is one by default, several processes on a
            machine take turns.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.

    Returns:
        The annotation file.

    Raises:
        ExportError: Images cannot be read or written, or the folder belongs to something else; what
            is done is kept.
        ValueError: The config cannot be exported.
        FileNotFoundError: Config, checkpoint or annotation file do not exist.
    """
    options = options or ExportOptions()
    process = join_for_messages(launcher)
    cfg = read_config(config, cfg_options=cfg_options)
    pipeline = test_pipeline(cfg)
    torch_device = _device(device, process)
    ending = f".{options.image_format}"
    datasets = inner_datasets(cfg, options.split)
    source = open_source(datasets, pipeline, options.split, ending)
    load = partial(_load, cfg, checkpoint, torch_device)
    upscaler = build_upscaler(cfg, options.what, options.downsample, load, torch_device)
    settings = settings_of(inner_dataset(cfg), pipeline, source, upscaler)
    settings |= options.settings()
    run = ExportRun(
        folder=ExportFolder(out_dir),
        settings=settings,
        source=source,
        upscale=upscaler,
        options=options,
        process=process,
    )
    run()
    return run.folder.root / ANNOTATIONS


def _load(cfg: Config, checkpoint: str | Path | None, device: torch.device) -> nn.Module:
    """The model with its weights.

    Without a checkpoint the config must name those of the parts that will be used.
    """
    model = init_model(cfg, checkpoint, device)
    if checkpoint is None:
        parts = ["editor"]
        if isinstance(model, SRDetector) and _looks_first(model):
            parts.append("detector")
        check_named_weights(model, parts)
    return model


def _looks_first(pair: SRDetector) -> bool:
    """Whether what the pair's own detector finds before SR decides the pixels."""
    return pair.prior is not None and pair.first_detector is pair.detector


def _device(device: str | None, process: Process) -> torch.device:
    # The fastest kernel of the moment may round differently from the last one.
    # The fastest kernel of the moment may round differently from the last one.
    cudnn = torch.backends.cudnn
    cudnn.benchmark = False
    cudnn.deterministic = True
    if device is None and torch.cuda.is_available():
        index = process.local_rank % torch.cuda.device_count()
        return torch.device("cuda", index)
    return torch.device(device or "cpu")
