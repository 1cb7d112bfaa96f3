"""What ``tools/analysis/feature_maps.py --images`` does: what a detector sees of a test set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mmengine.runner import Runner
from tqdm import tqdm

from mmisr.analysis.detector_views import DetectorView, TapGaps, detector_view, mean_gaps
from mmisr.analysis.facts import meta
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.apis.feature_maps import TAPS
from mmisr.apis.models import init_model
from mmisr.ops.files import write_text
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.reports.detector_views import plot_detector_view, plot_mean_gaps

SCHEMA = 1
"""Of ``features.json``; raised when a key changes its meaning."""


@dataclass(frozen=True)
class SeenSet:
    """What a detector sees of a data set.

    Args:
        images: Names of the files.
        gaps: By image, one per tap.
        mean: Their mean, one per tap.
        folder: The folder of ``features.json``, ``mean.png`` and one picture per image.
    """

    images: Sequence[str]
    gaps: Sequence[Sequence[TapGaps]]
    mean: Sequence[TapGaps]
    folder: Path


@names_config
def draw_detector_views(
    config: str,
    checkpoint: str | None = None,
    images: int = 10,
    taps: Sequence[str] = TAPS,
    out: str | None = None,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> SeenSet:
    """Draw how far the features of a pair's detector on SR and on bicubic are from those on HR.

    Args:
        config: Config of a pair whose test data has HR images.
        checkpoint: Weights of the pair; None for those that the config names.
        images: The first so many of the test set, or all where there are fewer.
        taps: Of backbone or neck, see :func:`mmisr.openmmlab.taps.tapped`.
        out: Folder; ``work_dirs/features/<config name>`` by default.
        device: Device of the pair; the CPU by default.
        cfg_options: Overrides by dotted key.

    Returns:
        The distances, image by image and on average.

    Raises:
        ValueError: The config is of no pair, ``images`` is below 1, there is no HR image, or the
            detector has no such tap.
    """
    if images < 1:
        raise ValueError(f"--images must be at least 1, got {images}")
    cfg = read_config(config, cfg_options=cfg_options)
    pair = init_model(cfg, checkpoint, device or "cpu")
    if not isinstance(pair, SRDetector):
        kind = type(pair).__name__
        raise ValueError(
            f"features are drawn of the detector of a pair, {config} is the config of a {kind}"
        )
    stem = Path(config).stem
    folder = Path(out or f"work_dirs/features/{stem}")
    cfg.test_dataloader.update(batch_size=1, num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(cfg.test_dataloader)
    total = min(images, len(loader))
    some = islice(loader, images)
    read = tqdm(some, total=total, unit="image")
    names = []
    gaps = []
    for index, data in enumerate(read):
        path, view = _view(pair, data, taps)
        title = f"{index:05d}_{path.stem}.png"
        picture = folder / title
        plot_detector_view(view, picture)
        names.append(path.name)
        gaps.append(view.gaps)
    mean = mean_gaps(gaps)
    picture = folder / "mean.png"
    plot_mean_gaps(mean, len(names), picture)
    seen = SeenSet(names, gaps, mean, folder)
    _write(seen, meta(cfg))
    return seen


def _view(
    pair: SRDetector, data: Mapping[str, Any], taps: Sequence[str]
) -> tuple[Path, DetectorView]:
    batch = pair.data_preprocessor(data, False)
    (lr,) = batch["inputs"]
    (sample,) = batch["data_samples"]
    view = detector_view(pair, lr, sample, taps)
    text = sample.metainfo.get("img_path")
    path = str(text)
    return Path(path), view


def _write(seen: SeenSet, facts: dict[str, Any]) -> None:
    images = []
    for name, gaps in zip(seen.images, seen.gaps, strict=True):
        images.append({"image": name, "taps": _figures(gaps)})
    content = {
        "schema": SCHEMA,
        "mean": _figures(seen.mean),
        "images": images,
        "meta": facts,
    }
    text = json.dumps(content, indent=2)
    write_text(seen.folder / "features.json", text + "\n")


def _figures(gaps: Sequence[TapGaps]) -> dict[str, Any]:
    """Distances and correlations by tap and version."""
    figures = {}
    for gap in gaps:
        figures[gap.tap] = {"distance": dict(gap.distance), "correlation": dict(gap.to_hr)}
    return figures
