"""Build a model for use: config, weights, classes, colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from mmisr.apis.checks import check_classes, inner_dataset, test_pipeline
from mmisr.apis.config_errors import names_config
from mmisr.apis.configs import published_weights, read_config
from mmisr.datasets.coco_checks import class_names
from mmisr.openmmlab.checkpoints import load_checkpoint
from mmisr.openmmlab.loading import load_into
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
        device: Where to run.
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
        raise ValueError(f"config {cfg.filename or '(not from a file)'} has no `model`")
    test_pipeline(cfg)
    model: nn.Module = MODELS.build(cfg.model)
    meta: dict[str, Any] = {}
    if checkpoint is not None:
        state, meta = load_checkpoint(checkpoint, trusted)
        load_into(model, state, checkpoint)
    model.cfg = cfg
    model.dataset_meta = dataset_meta(cfg, meta)  # type: ignore[assignment]
    told = {key.lower() for key in meta.get("dataset_meta") or {}}
    whose = f"checkpoint {checkpoint}" if "classes" in told else "the data"
    check_classes(model, model.dataset_meta["classes"], whose)  # type: ignore[index,arg-type]
    return model.to(device).eval()


def dataset_meta(cfg: Config, meta: dict[str, Any]) -> dict[str, Any]:
    """Classes and colours: of the checkpoint, else of the config's test data, else of its data set class.

    Args:
        cfg: Config of the model.
        meta: What the checkpoint says about itself.

    Returns:
        ``classes`` (a tuple; empty where nobody names them), ``palette`` (colours, or ``'random'``), and what else is
        known.
    """
    dataset = inner_dataset(cfg)
    kind = find(DATASETS, dataset["type"])
    found = {
        **getattr(kind, "METAINFO", {}),
        **dataset.get("metainfo", {}),
        **(meta.get("dataset_meta") or {}),
    }
    found = {key.lower(): value for key, value in found.items()}
    classes = class_names(found.get("classes") or ())
    palette = found.get("palette")
    if palette is None or (not isinstance(palette, str) and len(palette) < len(classes)):
        palette = "random"
    return {**found, "classes": classes, "palette": palette}
