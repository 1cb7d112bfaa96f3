"""From the runs of a comparison to its figures, intervals and verdicts: count, resample, judge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch.utils.data import DataLoader
from tqdm import tqdm

from mmisr.analysis.comparison.bootstrap import (
    BASELINE,
    LEVEL,
    Settings,
    arm_figures,
    differences,
    draw,
    judge,
    sample_arm,
)
from mmisr.analysis.comparison.result import ArmRun, Comparison
from mmisr.analysis.comparison.run import Plan, metainfo_of, metric_of, settings_of
from mmisr.analysis.comparison.store import file_hashes
from mmisr.analysis.facts import data_facts, meta
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.evaluation.size_bins import WHOLE

HEADLINES = ("AP", "psnr_in_box")
"""Every pair of arms gets a verdict on these, and on AP of each bin."""


def judged(
    plan: Plan, runs: Mapping[str, ArmRun], loader: DataLoader, replicates: int, seed: int
) -> Comparison:
    """Count, resample and judge.

    Args:
        plan: Of the comparison.
        runs: Its arms.
        loader: Its data.
        replicates: How often the images are drawn anew.
        seed: Of these draws.

    Returns:
        The comparison.
    """
    metric = metric_of(plan.cfg)
    settings = settings_of(metric, loader, replicates, seed)
    weights = draw(len(loader), replicates, seed)
    with _progress(
        len(runs) * settings.num_classes * len(settings.protocol.ranges()) * len(weights)
    ) as bar:
        sampled = {
            name: sample_arm(run, runs.get(BASELINE), settings, weights, bar.update)
            for name, run in runs.items()
        }
    found = differences(sampled)
    headlines = {*HEADLINES, *(f"AP_{name}" for name in settings.protocol.bins)}
    return Comparison(
        arms={name: arm_figures(run, sampled[name], settings) for name, run in runs.items()},
        differences=[d for d, _ in found],
        verdicts=[judge(d, images) for d, images in found if d.figure in headlines],
        meta=_meta(plan, runs, loader, settings, metric),
        runs=runs,
    )


@contextmanager
def _progress(total: int) -> Iterator[tqdm]:
    with tqdm(
        total=total,
        desc=f"{'bootstrap':>20}",
        unit="",
        bar_format="{l_bar}{bar}| {elapsed}<{remaining}",
    ) as bar:
        yield bar


def _meta(
    plan: Plan,
    runs: Mapping[str, ArmRun],
    loader: DataLoader,
    settings: Settings,
    metric: SizeBinnedCocoMetric,
) -> dict[str, Any]:
    configs = {
        name: json.loads((run.folder / "arm.json").read_text(encoding="utf-8"))
        for name, run in runs.items()
    }
    return {
        **meta(plan.cfg),
        "config_text": plan.cfg.pretty_text,
        "classes": list(metainfo_of(loader)["classes"]),
        "data": data_facts(loader.dataset),
        "folders": {name: str(run.folder.relative_to(plan.folder)) for name, run in runs.items()},
        "keys": {name: content["key"] for name, content in configs.items()},
        "weights": {k: v for c in configs.values() for k, v in file_hashes(c["pair"]).items()},
        "seeds": {
            "run": (plan.cfg.get("randomness") or {}).get("seed"),
            "bootstrap": settings.seed,
        },
        "metric": {
            "protocol": settings.protocol.name,
            "bins": {name: list(span) for name, span in settings.protocol.bins.items()},
            "max_dets": settings.max_dets,
            "frame": metric.frame,
            "area_source": metric.area_source,
            "whole": WHOLE,
        },
        "bootstrap": {
            "replicates": settings.replicates,
            "seed": settings.seed,
            "level": LEVEL,
            "images": len(loader),
            "method": "paired over images, percentile; delta is figure of a - figure of b; one "
            "comparison at a time: of 20 "
            "arms that do not differ, one interval excludes 0 by chance",
        },
    }
