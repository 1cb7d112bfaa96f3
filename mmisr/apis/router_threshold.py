"""What ``tools/analysis/router_threshold.py`` does."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from tqdm import tqdm

from mmisr.analysis.facts import meta
from mmisr.analysis.router_threshold import Scores, Thresholds, scores_of, thresholds_for
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import whole_images
from mmisr.apis.compare import best_device
from mmisr.apis.configs import read_config
from mmisr.apis.models import init_model
from mmisr.ops.files import write_text
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.windows.search import WindowSearch

RECALLS = (0.9, 0.95, 0.98, 0.99, 0.995, 1.0)


@names_config
def router_threshold(
    config: str,
    checkpoint: str | None = None,
    recalls: Sequence[float] = RECALLS,
    out: str | None = None,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> Thresholds:
    """Choose the threshold of a pair's router on its training data, for a recall of objects.

    Args:
        config: Of a pair whose router ranks tokens.
        checkpoint: Weights of the pair; None for those that the config names.
        recalls: Shares of the training objects whose token shall go deep.
        out: File to write; ``work_dirs/router_threshold/<config name>.json`` by default.
        device: Where to run; a GPU where there is one by default.
        cfg_options: Overrides by dotted key.

    Where the pair searches in windows without an overview, a warning says how many training objects
    are larger than a window.

    Returns:
        A bias for every recall, and what it does on training and test data.

    Raises:
        ValueError: The config is no pair's, its router ranks nothing, or a recall is no share.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    device = device or best_device()
    pair = init_model(cfg, checkpoint, device)
    if not isinstance(pair, SRDetector):
        found = type(pair).__name__
        raise ValueError(f"{config} is of a {found}; windows are those of a pair")
    pair.eval()
    train = _scores(pair, cfg, "train")
    test = _scores(pair, cfg, "test")
    search = pair.search
    windows = search.settings if isinstance(search, WindowSearch) else None
    margin = windows.margin if windows else 0
    result = thresholds_for(recalls, train, test, margin)
    if windows and windows.overview is None and result.large > 0:
        _warn_of_large(result)
    name = Path(config).stem
    default = f"work_dirs/router_threshold/{name}.json"
    facts = meta(cfg)
    content = result.to_json()
    content["meta"] = facts
    text = json.dumps(content, indent=2)
    path = Path(out or default)
    write_text(path, f"{text}\n")
    return result


def _warn_of_large(result: Thresholds) -> None:
    text = (
        f"{100 * result.large:.1f} % of the {result.objects} training objects are larger than the "
        f"window over their own token ({result.window} LR pixels, a token with its margins), and "
        "are seen whole only where the router marks the tokens beside it too; "
        f"test_cfg.windows.overview=dict(min_side={result.window}) looks for them in the whole "
        "image, a larger test_cfg.windows.margin shows more of them"
    )
    print_log(text, logger="current", level=logging.WARNING)


def _scores(pair: SRDetector, cfg: Config, side: str) -> Scores:
    """Of one side of the data."""
    loader = copy.deepcopy(cfg.test_dataloader)
    loader["dataset"] = whole_images(cfg, side)
    batches = Runner.build_dataloader(loader)
    return scores_of(pair, tqdm(batches, desc=side, unit="batch"))
