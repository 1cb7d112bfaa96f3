"""What ``tools/analysis/loss_gradients.py`` does: how strongly each term of a loss pulls."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.losses.base import SRLoss
from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.loading import load_into
from mmisr.openmmlab.samples import hints_of, hr_pixels
from mmisr.ops.resample import resize
from mmisr.registry import DATASETS, MODELS
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_unit


class TermGradient(NamedTuple):
    """A term of a loss: its name in the log, its value, and its gradient at the SR image.

    The value has the weight of the term in it; of the gradient it is the norm.
    """

    term: str
    value: float
    gradient: float


@names_config
def loss_gradients(
    config: str,
    checkpoint: str | None = None,
    count: int = 12,
    seed: int = 0,
    cfg_options: dict[str, Any] | None = None,
) -> list[TermGradient]:
    """The gradient of each term of an editor's loss at SR images, medians over training samples.

    Terms whose gradients are alike pull alike; by that the weights of terms can be chosen.

    Args:
        config: Config of an editor that is trained by one of our losses.
        checkpoint: Weights of the editor whose SR images are taken; bicubic pixels without.
        count: So many samples.
        seed: Of the crops.
        cfg_options: Overrides by dotted key.

    Returns:
        One row per term.

    Raises:
        FileNotFoundError: A file of weights is not there.
        ValueError: The config is of another model, or its loss has no terms of ours.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    editor = MODELS.build(cfg.model)
    _check_losses(editor, config)
    if checkpoint is not None:
        state = load_state(checkpoint)
        load_into(editor, state, checkpoint)
    editor.eval()
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    np.random.seed(seed)
    rows: dict[str, list[tuple[float, float]]] = {}
    for number in range(count):
        index = number % len(dataset)
        packed = dataset[index]
        is_bicubic = checkpoint is None
        terms = _sample_terms(editor, packed, is_bicubic)
        for name, pair in terms.items():
            of_term = rows.setdefault(name, [])
            of_term.append(pair)
    medians = []
    for name, of_term in rows.items():
        row = _median_row(name, of_term)
        medians.append(row)
    return medians


def _check_losses(editor: nn.Module, config: str) -> None:
    loss = getattr(editor, "pixel_loss", None)
    if isinstance(editor, SREditor) and isinstance(loss, SRLoss):
        return
    kind = type(editor).__name__
    found = type(loss).__name__
    raise ValueError(
        f"{config} must be the config of an editor with a loss of ours as its pixel_loss, got "
        f"{kind} with {found}"
    )


def _median_row(name: str, rows: list[tuple[float, float]]) -> TermGradient:
    values, gradients = zip(*rows, strict=True)
    return TermGradient(name, median(values), median(gradients))


def _sample_terms(
    editor: SREditor, packed: Mapping[str, Any], is_bicubic: bool
) -> dict[str, tuple[float, float]]:
    """Value and gradient of each term on one sample."""
    sample = packed["data_samples"]
    pixels = hr_pixels(sample)
    if pixels is None:
        raise ValueError(f"{sample.metainfo.get('img_path')} has no HR image; use mmisr.SimulateLR")
    hr = to_unit(pixels)
    hr = hr[None]
    lr = to_unit(packed["inputs"])
    lr = lr[None]
    hints = [hints_of(sample, hw_of(lr))]
    sr = resize(lr, hw_of(hr), "bicubic")
    if not is_bicubic:
        with torch.no_grad():
            sr = editor.upscale(lr, hints).image
    sr.requires_grad_()
    terms: dict[str, Tensor] = editor.pixel_loss.terms(sr, hr, hints)
    rows = {}
    for name, value in terms.items():
        (gradient,) = torch.autograd.grad(value, sr, retain_graph=True)
        norm = gradient.norm()
        size = value.detach()
        rows[name] = (float(size), float(norm))
    return rows
