"""What ``tools/analysis/feature_maps.py`` does: a detector's features of one image, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dataset import Compose

from mmisr.analysis.feature_maps import TapMaps, feature_maps
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import test_pipeline
from mmisr.apis.models import init_model
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.reports.feature_maps import plot_feature_maps
from mmisr.structures.pixels import to_unit

TAPS = ("pyramid.0", "pyramid.1")


@names_config
def draw_feature_maps(
    config: str,
    image: str,
    out: str,
    checkpoint: str | None = None,
    taps: Sequence[str] = TAPS,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> Sequence[TapMaps]:
    """Draw what a pair's detector makes of bicubic, SR and HR pixels of one image.

    Args:
        config: Config of a pair.
        image: An HR image; the config's test pipeline makes the LR image of it.
        out: The picture to write: png, pdf or svg.
        checkpoint: Weights of the pair; None for those that the config names.
        taps: Features of the detector's backbone or neck, see
            :func:`mmisr.openmmlab.taps.tapped`.
        device: Device of the pair; the CPU by default.
        cfg_options: Overrides by dotted key.

    Returns:
        What was drawn, one per tap.

    Raises:
        FileNotFoundError: A file is not there.
        ValueError: The config is of no pair, its pipeline makes no LR image of an HR image, or the
            detector has no such tap.
    """
    if not Path(image).is_file():
        raise FileNotFoundError(f"--image: there is no file {image}")
    pair = init_model(config, checkpoint, device or "cpu", cfg_options)
    if not isinstance(pair, SRDetector):
        kind = type(pair).__name__
        raise ValueError(
            f"features are drawn of the detector of a pair, {config} is the config of a {kind}"
        )
    steps = test_pipeline(pair.cfg)
    pipeline = Compose(steps)
    # No boxes are needed; the pipeline may load them all the same.
    packed = pipeline({"img_path": image, "img_id": 0, "instances": []})
    weights = pair.detector.parameters()
    where = next(weights).device
    lr = to_unit(packed["inputs"])
    sample = packed["data_samples"]
    maps = feature_maps(pair, lr.to(where), sample, taps)
    plot_feature_maps(maps, Path(out))
    return maps.taps
