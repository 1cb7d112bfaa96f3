"""Run: every arm that is not in the store yet, image by image; then time all of them in turns."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from mmisr.analysis.comparison.arms import Arm, ArmCost, pair_config, predict, run_arm
from mmisr.analysis.comparison.limit import TimeLimit
from mmisr.analysis.comparison.resample import Settings
from mmisr.analysis.comparison.result import ArmRun
from mmisr.analysis.comparison.store import ArmWriter, arm_key, forget_others, num_done
from mmisr.analysis.comparison.timing import (
    TIMING,
    ArmTiming,
    read_timings,
    time_arms,
    write_timings,
)
from mmisr.analysis.facts import code_hash, data_facts, meta
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.ops.timing import now_ms
from mmisr.ops.wrapped import parts_of
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.weights import check_named_weights
from mmisr.registry import METRICS, MODELS

SEED = 0
TIMED_IMAGES, TIMED_ROUNDS = 4, 5
"""Every arm is timed on so many images, spread over the data, so often.

Seconds for five arms of the demo.
"""


@dataclass(frozen=True)
class Setup:
    """What a comparison runs on.

    Args:
        cfg: Config of a pair.
        folder: The folder that everything goes to.
        checkpoint: Weights of the whole pair; None for those that the config names.
        device: The device to run on; ``cpu`` by default.
        pictures: Whether what the detector saw is stored, for the report.
    """

    cfg: Config
    folder: Path
    checkpoint: str | None = None
    device: str = "cpu"
    pictures: bool = True


def metric_of(cfg: Config) -> SizeBinnedCocoMetric:
    """The config's :class:`SizeBinnedCocoMetric`; one with its defaults where it has another.

    Where it has several, the first, which keeps masks too if one of them counts AP of masks.
    """
    evaluators = cfg.get("test_evaluator") or []
    if not isinstance(evaluators, (list, tuple)):
        evaluators = [evaluators]
    ours = []
    iou_type = "bbox"
    for evaluator in evaluators:
        if METRICS.get(evaluator["type"]) is not SizeBinnedCocoMetric:
            continue
        ours.append(evaluator)
        if evaluator.get("iou_type") == "segm":
            iou_type = "segm"
    if not ours:
        return SizeBinnedCocoMetric()
    first = {**ours[0], "records_file": None}
    return METRICS.build({**first, "iou_type": iou_type})


def settings_of(
    metric: SizeBinnedCocoMetric, loader: DataLoader, replicates: int, seed: int = SEED
) -> Settings:
    """How a metric counts the detections of a data set, and how its images are drawn."""
    classes = metainfo_of(loader)["classes"]
    mask_areas = None
    if metric.iou_type == "segm":
        mask_areas = metric.area_source
    return Settings(
        protocol=metric.protocol,
        max_dets=metric.max_dets,
        num_classes=len(classes),
        replicates=replicates,
        seed=seed,
        mask_areas=mask_areas,
    )


def run_arms(
    setup: Setup, arms: Sequence[Arm], loader: DataLoader, limit: TimeLimit | None = None
) -> dict[str, ArmRun]:
    """Run the arms that are not there yet; read the others.

    What they are expected to take is said before. Where time is limited, those that take least run
    first.

    Args:
        setup: What to run them on.
        arms: What to run.
        loader: The data, one image a batch, in the order of the data set.
        limit: How long that may take; None for any time. An arm that is stopped goes on from there
            the next time.

    Returns:
        The runs by name, in the order of the arms; without those that there was no time for, which
        ``limit`` names.
    """
    limit = limit or TimeLimit(num_timed=TIMED_IMAGES * (TIMED_ROUNDS + 1))
    data = data_facts(loader.dataset)
    slots = {}
    absent = []
    for arm in arms:
        slot = _slot(setup, arm, data)
        slots[arm.name] = slot
        if not slot.folder.is_dir():
            absent.append(arm)
            continue
        run = ArmRun.load(slot.folder)
        ms = sum(run.ms.values())
        limit.expect(arm.name, ms / 1000)
        limit.pledge(arm.name)
    # Every arm is built and tried before any is run: a last one that cannot run costs seconds, not
    # the hours of the others. Where time is limited, for as long as trying leaves some to run.
    shared: dict[str, Any] = {}
    pairs = {arm.name: build_arm(setup, arm, shared) for arm in absent}
    left = {arm.name: len(loader) - num_done(slots[arm.name].folder) for arm in absent}
    tried = _try(pairs, absent, loader, left, limit)
    _run_absent(setup, tried, loader, pairs, slots, limit)
    runs = {}
    current = []
    protocol = metric_of(setup.cfg).protocol
    classes = metainfo_of(loader)["classes"]
    for name, slot in slots.items():
        current.append(slot.folder.name)
        if name not in limit.left_out:
            runs[name] = ArmRun.load(slot.folder, protocol, classes)
    forget_others(setup.folder / "arms", current)
    return runs


@dataclass(frozen=True)
class _Slot:
    """Where an arm goes in the store.

    Args:
        folder: Its folder, whose name holds the key of all that the arm depends on.
        facts: What it depends on, with its name and key, for ``arm.json``.
    """

    folder: Path
    facts: dict[str, Any]


def _slot(setup: Setup, arm: Arm, data: dict[str, Any]) -> _Slot:
    facts = _facts(setup, arm, data)
    key = arm_key(facts)
    folder = setup.folder / "arms" / f"{arm.name}-{key}"
    return _Slot(folder, {"name": arm.name, "key": key, **facts})


def _try(
    pairs: Mapping[str, SRDetector],
    arms: Sequence[Arm],
    loader: DataLoader,
    left: Mapping[str, int],
    limit: TimeLimit,
) -> list[Arm]:
    """Predict the first image with every arm, and keep nothing of it but how long it took.

    Returns:
        The arms that there was time to try.

    Raises:
        ValueError: An arm cannot predict it.
    """
    tried = []
    for arm in arms:
        if not limit.may_try(arm.name, left):
            continue
        tried.append(arm)
        _price(pairs[arm.name], arm, loader, limit)
        # The first prediction also paid for what later ones find done.
        if limit.has_time(arm.name, left):
            _price(pairs[arm.name], arm, loader, limit)
    return tried


def _price(pair: SRDetector, arm: Arm, loader: DataLoader, limit: TimeLimit) -> None:
    begin = now_ms()
    batch = _collated(loader, 0)
    with torch.random.fork_rng():
        predict(pair, batch, arm.feed)
    ms = now_ms() - begin
    limit.expect(arm.name, ms / 1000)


def _collated(loader: DataLoader, index: int) -> dict[str, Any]:
    """One image of the data as a batch."""
    return loader.collate_fn([loader.dataset[index]])


def timed(
    setup: Setup,
    arms: Sequence[Arm],
    loader: DataLoader,
    runs: Mapping[str, ArmRun],
    rounds: int | None = None,
) -> dict[str, ArmRun]:
    """Time the arms in turns on a few images, and measure what memory they take.

    ``timing.json`` keeps what was found while the arms stay the same.

    Args:
        setup: What to run them on.
        arms: Those that were run.
        loader: The data.
        runs: Their runs.
        rounds: How often every arm sees every image, beside one round that warms up; None for
            ``TIMED_ROUNDS``.

    Returns:
        The runs, with these times.
    """
    path = setup.folder / TIMING
    folders = {name: run.folder.name for name, run in runs.items()}
    timings = read_timings(path, folders)
    if timings is None:
        timings = _time(setup, arms, loader, rounds or TIMED_ROUNDS)
        write_timings(path, folders, timings)
    with_times = {}
    for name, run in runs.items():
        timing = timings[name]
        with_times[name] = replace(
            run,
            ms=timing.ms,
            ms_intervals=timing.intervals,
            mb=timing.mb,
        )
    return with_times


def _time(
    setup: Setup, arms: Sequence[Arm], loader: DataLoader, rounds: int
) -> dict[str, ArmTiming]:
    """Time the arms on a few images, spread over the data."""
    shared: dict[str, Any] = {}
    pairs = {}
    for arm in arms:
        pair = build_arm(setup, arm, shared)
        pairs[arm.name] = (pair, arm.feed)
    last = len(loader) - 1
    places = np.linspace(0, last, TIMED_IMAGES)
    indices = {round(place) for place in places}
    batches = [_collated(loader, index) for index in sorted(indices)]
    warm_up = 1
    steps = len(arms) * len(batches) * (rounds + warm_up)
    with tqdm(total=steps, desc=f"{'timing':>20}", unit="image") as bar:
        return time_arms(pairs, batches, rounds, bar.update)


def _facts(setup: Setup, arm: Arm, data: dict[str, Any]) -> dict[str, Any]:
    """Everything that an arm depends on, and nothing that only its figures do."""
    metric = metric_of(setup.cfg)
    versions = meta(setup.cfg)
    pair = pair_config(setup.cfg.model, arm, setup.checkpoint)
    datasets = parts_of(setup.cfg.test_dataloader.dataset)
    return {
        "pair": _plain(pair),
        "feed": arm.feed,
        "data": data,
        "dataset": _plain(datasets if len(datasets) > 1 else datasets[0]),
        "areas": [metric.frame, metric.area_source, metric.iou_type],
        "pictures": setup.pictures,
        "versions": {name: versions[name] for name in ("mmisr", "packages")},
        "code": code_hash(),
        "device": [setup.device, versions["device"]],
    }


def _plain(config: Any) -> Any:
    """A config as JSON can hold it."""
    return json.loads(json.dumps(config, default=str))


def _run_absent(
    setup: Setup,
    arms: Sequence[Arm],
    loader: DataLoader,
    pairs: dict[str, SRDetector],
    slots: Mapping[str, _Slot],
    limit: TimeLimit,
) -> None:
    """Run arms that are not there, for as long as there is time."""
    writers = {}
    left = {}
    for arm in arms:
        writer = _writer(setup, loader, slots[arm.name])
        writers[arm.name] = writer
        left[arm.name] = len(loader) - len(writer.rows)
    if arms:
        tqdm.write(limit.outlook(left), file=sys.stderr)
    by_name = {arm.name: arm for arm in arms}
    for name in limit.order(left):
        pair = pairs.pop(name)
        if not limit.fits(name, left[name]):
            continue
        writer = writers.pop(name)
        cost = _run(by_name[name], loader, pair, writer, limit)
        if name in limit.left_out:
            writer.pause()
        else:
            writer.finish(slots[name].facts, cost.ms)


def _writer(setup: Setup, loader: DataLoader, slot: _Slot) -> ArmWriter:
    """What writes an arm, and knows what an interrupted run did of it."""
    metric = metric_of(setup.cfg)
    metric.dataset_meta = metainfo_of(loader)
    name_of = partial(_short, loader.dataset)
    return ArmWriter(slot.folder, metric, name_of, setup.pictures)


def _run(
    arm: Arm, loader: DataLoader, pair: SRDetector, writer: ArmWriter, limit: TimeLimit
) -> ArmCost:
    """Run one arm from where an interrupted run stopped, until its end or that of the time."""
    num_done = len(writer.rows)
    rest = _from(loader, num_done)
    batches = limit.running(arm.name, rest, len(loader) - num_done)
    with tqdm(total=len(loader), initial=num_done, desc=f"{arm.name:>20}", unit="image") as bar:

        def keep(sample: Any, macs: dict[str, float]) -> None:
            writer.add(sample, macs)
            bar.update()

        return run_arm(pair, batches, arm.feed, keep)


def _from(loader: DataLoader, first: int) -> DataLoader:
    """The data from an image on; those before are not read."""
    if not first:
        return loader
    images = Subset(loader.dataset, range(first, len(loader)))
    return DataLoader(
        images,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        worker_init_fn=loader.worker_init_fn,
    )


def build_arm(setup: Setup, arm: Arm, shared: dict[str, Any]) -> SRDetector:
    """The pair of an arm, on its device.

    A detector that several arms have is built once and kept in ``shared``.
    """
    config = pair_config(setup.cfg.model, arm, setup.checkpoint)
    pair = MODELS.build(config)
    check_named_weights(pair)
    checkpoint = config["checkpoints"].get("detector")
    key = json.dumps([config["detector"], checkpoint], default=str)
    pair.detector = shared.setdefault(key, pair.detector)
    return pair.to(setup.device).eval()


def metainfo_of(loader: DataLoader) -> dict[str, Any]:
    """What the data says of itself, its classes among it."""
    dataset: Any = loader.dataset  # mmdet's, of which torch knows nothing
    return dataset.metainfo


def _short(dataset: Any, path: str) -> str:
    """A file's name as the annotation file has it."""
    for part in parts_of(dataset):
        prefix = part.data_prefix or {}
        folder = prefix.get("img")
        if not folder:
            continue
        root = str(folder).rstrip("/") + "/"
        if path.startswith(root):
            return path.removeprefix(root)
    return Path(path).name
