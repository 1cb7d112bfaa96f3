"""What the figures of a comparison were made with, gathered once it has run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from torch.utils.data import DataLoader

from mmisr.analysis.comparison.figures import BootstrapMeta, Meta, MetricMeta
from mmisr.analysis.comparison.resample import LEVEL, Settings
from mmisr.analysis.comparison.result import ARM_FILE, ArmRun
from mmisr.analysis.comparison.run import Setup, metainfo_of, metric_of
from mmisr.analysis.comparison.store import file_hashes
from mmisr.analysis.facts import data_facts, meta
from mmisr.evaluation.size_bins import WHOLE

METHOD = (
    "paired over images, percentile; delta is figure of a - figure of b; one comparison at a time: "
    "of 20 arms that do not differ, one interval excludes 0 by chance"
)


def comparison_meta(
    setup: Setup, runs: Mapping[str, ArmRun], loader: DataLoader, settings: Settings
) -> Meta:
    """Config, data, hashes, seeds, versions and machine of a comparison.

    Args:
        setup: What the comparison ran on.
        runs: Its arms by name.
        loader: Its data.
        settings: How detections are counted and images are drawn.
    """
    keys: dict[str, str] = {}
    folders: dict[str, str] = {}
    weights: dict[str, str] = {}
    for name, run in runs.items():
        content = json.loads((run.folder / ARM_FILE).read_text(encoding="utf-8"))
        keys[name] = content["key"]
        folders[name] = str(run.folder.relative_to(setup.folder))
        weights |= file_hashes(content["pair"])
    randomness = setup.cfg.get("randomness") or {}
    return Meta(
        **meta(setup.cfg),
        config_text=setup.cfg.pretty_text,
        classes=list(metainfo_of(loader)["classes"]),
        data=data_facts(loader.dataset),
        folders=folders,
        keys=keys,
        weights=weights,
        seeds={"run": randomness.get("seed"), "bootstrap": settings.seed},
        metric=_metric(setup, settings, runs),
        bootstrap=BootstrapMeta(
            replicates=settings.replicates,
            seed=settings.seed,
            level=LEVEL,
            images=len(loader),
            method=METHOD,
        ),
    )


def _metric(setup: Setup, settings: Settings, runs: Mapping[str, ArmRun]) -> MetricMeta:
    metric = metric_of(setup.cfg)
    # All arms have the same annotations.
    of_any = next(iter(runs.values()))
    bins: dict[str, Any] = {name: list(span) for name, span in settings.protocol.bins.items()}
    return MetricMeta(
        protocol=settings.protocol.name,
        bins=bins,
        max_dets=settings.max_dets,
        frame=metric.frame,
        area_source=metric.area_source,
        whole=WHOLE,
        deviations=metric.deviations(of_any.stored),
    )
