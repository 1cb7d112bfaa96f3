"""Run the arms of a comparison, and time them.

Every arm that is not there yet, built and tried before any is run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch.utils.data import DataLoader
from tqdm import tqdm

from mmisr.analysis.comparison.arms import Arm, pair_config, predict, run_arm
from mmisr.analysis.comparison.bootstrap import Settings
from mmisr.analysis.comparison.result import ArmRun
from mmisr.analysis.comparison.store import ArmWriter, arm_key, forget_others
from mmisr.analysis.comparison.timing import TIMING, read_timings, time_arms, write_timings
from mmisr.analysis.facts import code_hash, data_facts, meta
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.ops.wrapped import parts_of
from mmisr.pipeline.sliced import SlicedDetector, Slicing
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.weights import check_named_weights
from mmisr.registry import METRICS, MODELS

SEED = 0
TIMED_IMAGES, TIMED_ROUNDS = 4, 5
"""Every arm is timed on so many images, spread over the data, so often.

Seconds for five arms of the demo.
"""


@dataclass(frozen=True)
class Plan:
    """What a comparison runs on.

    Args:
        cfg: Config of a pair.
        folder: Where everything goes.
        checkpoint: Weights of the whole pair; None for those that the config names.
        device: Where to run.
        pictures: Whether what the detector saw is stored, for the report.
    """

    cfg: Config
    folder: Path
    checkpoint: str | None = None
    device: str = "cpu"
    pictures: bool = True


def metric_of(cfg: Config) -> SizeBinnedCocoMetric:
    """The config's own :class:`SizeBinnedCocoMetric`, or one with its defaults where the config has another metric."""
    evaluators = cfg.get("test_evaluator") or []
    for evaluator in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
        if METRICS.get(evaluator["type"]) is SizeBinnedCocoMetric:
            return METRICS.build({**evaluator, "records_file": None})
    return SizeBinnedCocoMetric()


def settings_of(
    metric: SizeBinnedCocoMetric, loader: DataLoader, replicates: int, seed: int = SEED
) -> Settings:
    """How a metric counts the detections of a data set, and how its images are drawn."""
    classes = len(metainfo_of(loader)["classes"])
    return Settings(metric.protocol, metric.max_dets, classes, replicates, seed)


def run_arms(plan: Plan, arms: Sequence[Arm], loader: DataLoader) -> dict[str, ArmRun]:
    """Run the arms that are not there yet; read the others.

    Args:
        plan: On what.
        arms: What to run.
        loader: The data, one image a batch, in the order of the data set.

    Returns:
        The runs by name, in the order of the arms.
    """
    data, places, shared = data_facts(loader.dataset), dict[str, Any](), dict[str, Any]()
    for arm in arms:
        facts = _facts(plan, arm, data)
        key = arm_key(facts)
        folder = plan.folder / "arms" / f"{arm.name}-{key}"
        places[arm.name] = (folder, {"name": arm.name, "key": key, **facts})
    absent = [arm for arm in arms if not places[arm.name][0].is_dir()]
    # Every arm is built and tried before any is run: a last one that cannot run costs seconds, not
    # the hours of the others.
    built = {arm.name: build_arm(plan, arm, shared) for arm in absent}
    _try(built, absent, loader)
    for arm in absent:
        _run(plan, arm, loader, built.pop(arm.name), places[arm.name])
    runs = {arm.name: ArmRun.load(places[arm.name][0]) for arm in arms}
    forget_others(plan.folder / "arms", [run.folder.name for run in runs.values()])
    return runs


def _try(built: Mapping[str, SRDetector], arms: Sequence[Arm], loader: DataLoader) -> None:
    """Predict the first image with every arm, and keep nothing of it.

    Raises:
        ValueError: An arm cannot predict it.
    """
    for arm in arms:
        with torch.random.fork_rng():
            predict(built[arm.name], _collated(loader, 0), arm.feed)


def _collated(loader: DataLoader, index: int) -> dict[str, Any]:
    """One image of the data as a batch."""
    return loader.collate_fn([loader.dataset[index]])


def timed(
    plan: Plan, arms: Sequence[Arm], loader: DataLoader, runs: Mapping[str, ArmRun]
) -> dict[str, ArmRun]:
    """Time the arms in turns on a few images.

    ``timing.json`` keeps what was found while the arms stay the same.

    Args:
        plan: On what.
        arms: Those that were run.
        loader: The data.
        runs: Their runs.

    Returns:
        The runs, with these times.
    """
    path = plan.folder / TIMING
    timings = read_timings(path, {name: run.folder.name for name, run in runs.items()})
    if timings is None:
        shared = dict[str, Any]()
        built = {arm.name: (build_arm(plan, arm, shared), arm.feed) for arm in arms}
        indices = sorted({round(i) for i in np.linspace(0, len(loader) - 1, TIMED_IMAGES)})
        batches = [_collated(loader, index) for index in indices]
        with tqdm(
            total=len(arms) * len(batches) * (TIMED_ROUNDS + 1),
            desc=f"{'timing':>20}",
            unit="image",
        ) as bar:
            timings = time_arms(built, batches, TIMED_ROUNDS, bar.update)
        write_timings(path, {name: run.folder.name for name, run in runs.items()}, timings)
    return {
        n: replace(run, ms=timings[n].ms, ms_intervals=timings[n].intervals)
        for n, run in runs.items()
    }


def _facts(plan: Plan, arm: Arm, data: dict[str, Any]) -> dict[str, Any]:
    """Everything that an arm depends on, and nothing that only its figures do."""
    metric, versions = metric_of(plan.cfg), meta(plan.cfg)
    parts = parts_of(plan.cfg.test_dataloader.dataset)
    return {
        "pair": json.loads(
            json.dumps(pair_config(plan.cfg.model, arm, plan.checkpoint), default=str)
        ),
        "feed": arm.feed,
        "sliced": arm.sliced,
        "data": data,
        "dataset": json.loads(json.dumps(parts if len(parts) > 1 else parts[0], default=str)),
        "areas": [metric.frame, metric.area_source],
        "pictures": plan.pictures,
        "versions": {name: versions[name] for name in ("mmisr", "packages")},
        "code": code_hash(),
        "device": [plan.device, versions["device"]],
    }


def _run(
    plan: Plan,
    arm: Arm,
    loader: DataLoader,
    pair: SRDetector,
    place: tuple[Path, Mapping[str, Any]],
) -> None:
    """Run one arm into its folder."""
    metric = metric_of(plan.cfg)
    metric.dataset_meta = metainfo_of(loader)
    writer = ArmWriter(place[0], metric, partial(_short, loader.dataset), plan.pictures)
    done = len(writer.rows)
    with tqdm(total=len(loader), initial=done, desc=f"{arm.name:>20}", unit="image") as bar:

        def keep(sample: Any, macs: dict[str, float]) -> None:
            writer.add(sample, macs)
            bar.update()

        cost = run_arm(pair, islice(loader, done, None), arm.feed, keep)
    writer.finish(place[1], cost.ms)


def build_arm(plan: Plan, arm: Arm, shared: dict[str, Any]) -> SRDetector:
    """The pair of an arm, on its device.

    A detector that several arms have is built once and kept in ``shared``.
    """
    config = pair_config(plan.cfg.model, arm, plan.checkpoint)
    pair = MODELS.build(config)
    check_named_weights(pair)
    source = json.dumps([config["detector"], config["checkpoints"].get("detector")], default=str)
    pair.detector = shared.setdefault(source, pair.detector)
    if arm.sliced is not None:
        pair.detector = SlicedDetector(pair.detector, Slicing(**arm.sliced))
    return pair.to(plan.device).eval()


def metainfo_of(loader: DataLoader) -> dict[str, Any]:
    """What the data says of itself, its classes among it."""
    dataset: Any = loader.dataset  # mmdet's, of which torch knows nothing
    return dataset.metainfo


def _short(dataset: Any, path: str) -> str:
    """A file's name as the annotation file has it."""
    for part in parts_of(dataset):
        root = str((part.data_prefix or {}).get("img") or "").rstrip("/")
        if root and path.startswith(root + "/"):
            return path.removeprefix(root + "/")
    return Path(path).name
