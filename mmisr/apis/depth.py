"""What ``tools/analysis/router_depth.py`` does: an adaptive editor by itself, router by router."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mmengine.runner import Runner

from mmisr.analysis.depth import (
    DepthBin,
    RouterFigures,
    Seen,
    depth_by_difficulty,
    router_figures,
)
from mmisr.analysis.facts import meta
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.compare import best_device
from mmisr.apis.configs import read_config
from mmisr.apis.models import init_model
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.samples import hints_of, hr_pixels
from mmisr.ops.files import write_text
from mmisr.reports.plots import plot_curves
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_unit

SCHEMA = 1
"""Of ``depth.json``."""


@dataclass(frozen=True)
class RouterDepth:
    """What was measured.

    Args:
        routers: One row per router.
        bins: Depth of the own router's tokens, by what they were sorted by.
    """

    routers: list[RouterFigures]
    bins: dict[str, list[DepthBin]]


@names_config
def router_depth(
    config: str,
    checkpoint: str | None = None,
    routers: Sequence[str] = (),
    images: int = 10,
    rounds: int = 3,
    out: str | None = None,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> RouterDepth:
    """Measure an editor that routes tokens, without a detector, on its test set.

    Args:
        config: Config of the editor, trained alone.
        checkpoint: Its weights; None for those that the config names.
        routers: Measured beside the editor's own, its dense and its cheapest one.
        images: The first so many, or all where there are fewer.
        rounds: How often they are timed.
        out: Folder of ``depth.json`` and ``depth.png``; ``work_dirs/depth/<config name>`` by
            default.
        device: Where to run; a GPU where there is one by default.
        cfg_options: Overrides by dotted key.

    Returns:
        PSNR, depth, GMAC and ms of every router, and depth by difficulty of the own one.

    Raises:
        ValueError: The config is of another model, or its editor routes no tokens.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    editor = init_model(cfg, checkpoint, device or best_device())
    if not isinstance(editor, SREditor) or editor.info.routers is None:
        raise ValueError(
            f"{config} must be the config of an editor that routes tokens, alone, got a "
            f"{type(editor).__name__}; pairs are measured by tools/analysis/pareto.py"
        )
    weight = next(editor.parameters())
    seen = seen_images(cfg, images, weight.device)
    known = editor.info.routers
    asked = dict.fromkeys([known.own, known.dense, known.cheapest, *routers])
    editor.route_by(known.own)
    figures = router_figures(editor, list(asked), seen, rounds)
    bins = depth_by_difficulty(editor, seen)
    result = RouterDepth(figures, bins)
    name = Path(config).stem
    folder = Path(out or f"work_dirs/depth/{name}")
    content = {"schema": SCHEMA, **asdict(result)}
    content["meta"] = {**meta(cfg), "images": len(seen), "rounds": rounds}
    text = json.dumps(content, indent=2)
    write_text(folder / "depth.json", text + "\n")
    _plot(bins, folder / "depth.png")
    return result


def seen_images(cfg: Any, count: int | None, device: Any) -> list[Seen]:
    """The first images of the test set of an editor or a pair, in memory.

    Args:
        cfg: The config.
        count: So many; None for all.
        device: Where they shall be.

    Raises:
        ValueError: An image has no HR image, or there is none.
    """
    cfg.test_dataloader.update(batch_size=1, num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(cfg.test_dataloader)
    images = []
    some = islice(loader, count)
    for batch in some:
        pixels = batch["inputs"][0]
        lr = to_unit(pixels[None])
        sample = batch["data_samples"][0]
        hr = hr_pixels(sample)
        if hr is None:
            path = sample.metainfo.get("img_path")
            raise ValueError(f"{path} has no HR image; use mmisr.SimulateLR")
        target = to_unit(hr[None])
        hint = hints_of(sample, hw_of(lr))
        seen = Seen(lr.to(device), target.to(device), [hint])
        images.append(seen)
    if not images:
        raise ValueError(f"there is no image to measure on: images={count}")
    return images


def _plot(bins: Mapping[str, Sequence[DepthBin]], path: Path) -> None:
    """Depth over the fifths."""
    curves = {}
    for name, of_name in bins.items():
        count = len(of_name)
        numbers = list(range(1, count + 1))
        depths = [fifth.depth for fifth in of_name]
        label = f"by error of the {name}"
        curves[label] = numbers, depths
    panels = {"mean exit": curves}
    plot_curves(panels, path, "fifth of the tokens, easiest to hardest")
