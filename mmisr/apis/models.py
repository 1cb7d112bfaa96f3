"""Build a model for use: config, weights, classes, colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import check_classes, inner_dataset, test_pipeline
from mmisr.apis.configs import published_weights, read_config
from mmisr.datasets.coco_checks import class_names
from mmisr.openmmlab.checkpoints import load_checkpoint
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.loading import load_into
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.registry import DATASETS, MODELS, find


@names_config
def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device = "cpu",
    cfg_options: dict[str, Any] | None = None,
    trusted: bool = False,
) -> nn.Module:
    """Build a pair, an editor or a detector from its config, ready to predict.

    Args:
        config: A config file, a config, or the name of one of the project's own models.
        checkpoint: Weights of the whole model; None for those that the config itself names, or that
            are published under the name.
        device: Device of the model; the CPU by default.
        cfg_options: Overrides by dotted key.
        trusted: Whether the checkpoint may hold arbitrary pickled objects, which can run code; only
            for files you made yourself.

    Returns:
        The model in evaluation mode, with ``cfg`` and ``dataset_meta`` (``classes``, ``palette``).

    Raises:
        FileNotFoundError: Config or checkpoint do not exist.
        ValueError: The config has no test pipeline, or the checkpoint does not fit, is damaged, or
            needs ``trusted``.

    Example:
        >>> from mmisr.apis import init_model
        >>> model = init_model("instance-sr-nano-x4_tree-crowns")
        >>> model.info.scale
        4
    """
    cfg = read_config(config, cfg_options=cfg_options)
    if checkpoint is None:
        checkpoint = published_weights(config)
    if "model" not in cfg:
        name = cfg.filename or "(not from a file)"
        raise ValueError(f"config {name} has no `model`")
    test_pipeline(cfg)
    model: nn.Module = MODELS.build(cfg.model)
    meta: dict[str, Any] = {}
    if checkpoint is not None:
        state, meta = load_checkpoint(checkpoint, trusted)
        load_into(model, state, checkpoint)
    in_checkpoint = {key.lower() for key in meta.get("dataset_meta") or {}}
    whose = "the data"
    if "classes" in in_checkpoint:
        whose = f"checkpoint {checkpoint}"
    facts = dataset_meta(cfg, meta)
    check_classes(model, facts["classes"], whose)
    model.cfg = cfg
    model.dataset_meta = facts  # type: ignore[assignment]
    return model.to(device).eval()


def editor_of(model: nn.Module, config: str | Path) -> SREditor:
    """The editor of a model: itself, or that of a pair; in evaluation mode.

    Args:
        model: What :func:`init_model` built.
        config: Where from, for the message.

    Raises:
        ValueError: It is neither.
    """
    editor = model.editor if isinstance(model, SRDetector) else model
    if not isinstance(editor, SREditor):
        kind = type(editor).__name__
        raise ValueError(
            f"{config} must be the config of an editor, or of a pair with one, got a {kind}"
        )
    editor.eval()
    return editor


def dataset_meta(cfg: Config, meta: dict[str, Any]) -> dict[str, Any]:
    """Classes and colours of a model.

    Those of the checkpoint, else of the config's test data, else of its data set class.

    Args:
        cfg: Config of the model.
        meta: What the checkpoint says about itself.

    Returns:
        ``classes`` (a tuple; empty where nobody names them), ``palette`` (colours, or
        ``'random'``), and what else is known.
    """
    dataset = inner_dataset(cfg)
    kind = find(DATASETS, dataset["type"])
    # Later ones win: the checkpoint knows what the model was trained on.
    origins = [
        getattr(kind, "METAINFO", {}),
        dataset.get("metainfo", {}),
        meta.get("dataset_meta") or {},
    ]
    facts: dict[str, Any] = {}
    for origin in origins:
        for key, value in origin.items():
            facts[key.lower()] = value
    classes = class_names(facts.get("classes") or ())
    palette = facts.get("palette") or "random"
    # A palette of another data set may have fewer colours than the model has classes.
    if not isinstance(palette, str) and len(palette) < len(classes):
        palette = "random"
    return {**facts, "classes": classes, "palette": palette}
