"""What ``tools/analysis/task_gain.py`` does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.runner import Runner, set_random_seed
from tqdm import tqdm

from mmisr.analysis.facts import meta
from mmisr.analysis.task_gain import (
    ImageGains,
    TaskGains,
    image_gains,
    rank_correlation,
    saved_alone,
    thresholds_of,
)
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.compare import best_device
from mmisr.apis.configs import read_config
from mmisr.apis.models import init_model
from mmisr.ops.files import write_text
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.reports.task_gain import plot_gains

SEED = 0
"""Of patches and of the tokens that are tried."""


@names_config
def task_gain(
    config: str,
    checkpoint: str | None = None,
    shares: Sequence[float] = (0.1, 0.1),
    batches: int = 40,
    tokens: int = 50,
    out: str | None = None,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> TaskGains:
    """Measure what depth is worth to a pair's detector, on its training data.

    Args:
        config: Of a pair whose editor routes.
        checkpoint: Weights of the pair; None for those that the config names.
        shares: Share of the tokens that shall leave by the second exit, by the third, ...
        batches: How many batches of the training data are read.
        tokens: How many tokens are computed deep alone, to see whether the gain is true.
        out: Folder of ``task_gain.json`` and ``task_gain.png``; ``work_dirs/task_gain/<config
            name>`` by default.
        device: Where to run; a GPU where there is one by default.
        cfg_options: Overrides by dotted key.

    Returns:
        Thresholds for the strategy ``TaskGain``, and what else was found.

    Raises:
        ValueError: The config is no pair's, its editor routes nothing, or the shares are wrong.
    """
    thresholds_of(np.ones(1), shares)
    cfg = read_config(config, cfg_options=cfg_options)
    pair = init_model(cfg, checkpoint, device or best_device())
    if not isinstance(pair, SRDetector):
        raise ValueError(f"{config} is of a {type(pair).__name__}; the gain is that of a pair")
    set_random_seed(SEED)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=SEED)
    total = min(batches, len(loader))
    some = islice(loader, batches)
    read = tqdm(some, total=total, unit="batch")
    images = image_gains(pair, read)
    result, best = _measured(images, shares, tokens)
    name = Path(config).stem
    folder = Path(out or f"work_dirs/task_gain/{name}")
    content = {**result.to_json(), "meta": meta(cfg)}
    text = json.dumps(content, indent=2)
    write_text(folder / "task_gain.json", text + "\n")
    picture = folder / "task_gain.png"
    plot_gains(best.images.deepest[0], best.gains, picture)
    return result


def _measured(
    images: Iterable[ImageGains], shares: Sequence[float], tokens: int
) -> tuple[TaskGains, ImageGains]:
    """What is found of all images, and the one whose best token gains most."""
    rng = np.random.default_rng(SEED)
    gains = []
    predicted: list[float] = []
    saved: list[float] = []
    best: ImageGains | None = None
    for of_image in images:
        flat = of_image.gains.flatten()
        on_host = flat.cpu().double()
        gains.append(on_host.numpy())
        if len(saved) < tokens:
            row, col = rng.integers(0, of_image.gains.shape)
            gain = of_image.gains[row, col]
            predicted.append(float(gain))
            alone = saved_alone(of_image, int(row), int(col))
            saved.append(alone)
        if best is None or flat.max() > best.gains.max():
            best = of_image
    if best is None:
        raise ValueError("the training data gives no batch; ask for at least one (batches)")
    everything = np.concatenate(gains)
    is_hurt = everything < 0
    result = TaskGains(
        thresholds=thresholds_of(everything, shares),
        shares=list(shares),
        tokens=len(everything),
        hurt=float(is_hurt.mean()),
        correlation=rank_correlation(predicted, saved),
        tried=len(saved),
    )
    return result, best
