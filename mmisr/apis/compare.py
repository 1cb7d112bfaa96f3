"""What ``tools/compare.py`` does: arms on one data set, each run once, and what their differences show."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch.utils.data import DataLoader
from tqdm import tqdm

from mmisr.analysis.arm_timing import TIMING, read_timings, time_arms, write_timings
from mmisr.analysis.arms import Arm, predict, run_arm
from mmisr.analysis.bootstrap import BASELINE, LEVEL, Settings, arm_figures, differences, draw, judge, sample_arm
from mmisr.analysis.cache import ArmWriter, arm_key, file_hashes, forget_others
from mmisr.analysis.comparison import RESULTS, ArmRun, Comparison
from mmisr.apis.arms import pair_config, read_arms, standard_arms
from mmisr.apis.checks import check_named_weights, inner_datasets, test_pipeline
from mmisr.apis.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.apis.facts import code_hash, data_facts, meta
from mmisr.apis.own_resize import say_dropped_resize
from mmisr.apis.predictions import write_predictions
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.evaluation.size_bins import WHOLE
from mmisr.ops.files import write_text
from mmisr.ops.wrapped import parts_of
from mmisr.pipeline.sliced import SlicedDetector, Slicing
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.registry import METRICS, MODELS
from mmisr.reports.table import csv_table, markdown_table, markdown_verdicts

REPLICATES, SEED = 1000, 0
TIMED_IMAGES, TIMED_ROUNDS = 4, 5
"""Every arm is timed on so many images, spread over the data, so often: seconds for five arms of the demo."""

HEADLINES = ("AP", "psnr_in_box")
"""Every pair of arms gets a verdict on these, and on AP of each bin."""


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


@names_config
def compare(
    config: str | Path | Config,
    arms: Sequence[str | dict[str, Any] | Arm] | None = None,
    out: str | Path | None = None,
    checkpoint: str | None = None,
    device: str | None = None,
    replicates: int = REPLICATES,
    seed: int = SEED,
    cfg_options: dict[str, Any] | None = None,
) -> Comparison:
    """Compare arms: the same detector on the same images, fed in different ways.

    An arm that was run before, with the same config, weights and data, is read from ``out`` and not run again; one that
    is interrupted goes on where it stopped, and leaves nothing behind that could be taken for a result.

    Args:
        config: Config of a pair; its test data and its metric are those of every arm.
        arms: What to compare, see :func:`mmisr.apis.arms.read_arms`; by default no SR, bicubic, the config's editor (and
            its dense form where it routes tokens), and HR where the data has it.
        out: Folder for results; ``work_dirs/compare/<config name>`` by default.
        checkpoint: Weights of the whole pair; None for those that the config itself names.
        device: Where to run; a GPU where there is one by default.
        replicates: How often the images are drawn anew for the intervals.
        seed: Of these draws.
        cfg_options: Overrides by dotted key.

    Returns:
        The comparison, as :meth:`Comparison.load` reads it from ``out``.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: The config is no pair's, or an arm cannot be read or run.

    Example:
        >>> from mmisr.apis.compare import compare                                     # doctest: +SKIP
        >>> found = compare("my_pair.py", arms=["lr", "bicubic", "editor"])            # doctest: +SKIP
        >>> [v.text for v in found.verdicts]                                           # doctest: +SKIP
    """
    cfg = read_config(config, cfg_options=cfg_options)
    plan = Plan(
        cfg,
        results_folder(cfg, out),
        checkpoint,
        device or best_device(),
    )
    loader = test_loader(cfg)
    editor = cfg.model.editor.to_dict()
    chosen = read_arms(arms, editor) if arms else default_arms(editor, loader)
    runs = timed(plan, chosen, loader, run_arms(plan, chosen, loader))
    return finish(plan, runs, loader, replicates, seed)


def best_device() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def results_folder(config: str | Path | Config, out: str | Path | None = None) -> Path:
    """Where the results of a comparison lie.

    Args:
        config: As for :func:`compare`.
        out: As for :func:`compare`.
    """
    name = config.filename if isinstance(config, Config) else config
    return Path(out or f"work_dirs/compare/{Path(name).stem if name else 'run'}")


def default_arms(editor: dict[str, Any], loader: DataLoader) -> list[Arm]:
    """The standard arms; without HR where the data has none."""
    has_hr = "hr" in loader.dataset[0]["data_samples"]
    return [arm for arm in standard_arms(editor) if has_hr or arm.feed != "hr"]


def test_loader(cfg: Config) -> DataLoader:
    """The test data of a pair, one image a batch, in the order of the data set.

    Raises:
        ValueError: The config is no pair's, or its test set is empty.
    """
    test_pipeline(cfg)
    kind = MODELS.get(cfg.model.type) if "model" in cfg else None
    if not isinstance(kind, type) or not issubclass(kind, SRDetector):
        raise ValueError(
            f"compare() needs the config of a pair, and the model of {cfg.filename} is "
            f"{cfg.get('model', {}).get('type')!r}: put your detector behind an editor, model=dict(type='mmisr.SRDetector', "
            "editor=dict(type='mmisr.Resample', scale=4), detector=...)"
        )
    MMLogger.get_current_instance().setLevel("WARNING")  # one table at the end says it all
    say_dropped_resize(cfg)
    wanted = {**copy.deepcopy(cfg.test_dataloader), "batch_size": 1, "drop_last": False}
    loader = Runner.build_dataloader({**wanted, "sampler": {"type": "DefaultSampler", "shuffle": False}})
    if not len(loader):
        raise ValueError(
            f"the test set of {cfg.filename} has no image: {[p.get('ann_file') for p in inner_datasets(cfg)]}"
        )
    return loader


test_loader.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever pytest makes of the name


def metric_of(cfg: Config) -> SizeBinnedCocoMetric:
    """The config's own :class:`SizeBinnedCocoMetric`, or one with its defaults where the config has another metric."""
    evaluators = cfg.get("test_evaluator") or []
    for evaluator in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
        if METRICS.get(evaluator["type"]) is SizeBinnedCocoMetric:
            return METRICS.build({**evaluator, "records_file": None})
    return SizeBinnedCocoMetric()


def settings_of(metric: SizeBinnedCocoMetric, loader: DataLoader, replicates: int, seed: int = SEED) -> Settings:
    """How a metric counts the detections of a data set, and how its images are drawn."""
    classes = len(_metainfo(loader)["classes"])
    return Settings(metric.protocol, metric.max_dets, classes, replicates, seed)


def run_arms(plan: Plan, arms: Sequence[Arm], loader: DataLoader) -> dict[str, ArmRun]:
    """Run the arms that are not there yet; read the others.

    Args:
        plan: On what.
        arms: What to run.
        loader: The data, see :func:`test_loader`.

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
    # Every arm is built and tried before any is run: a last one that cannot run costs seconds, not the hours of the others.
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


def timed(plan: Plan, arms: Sequence[Arm], loader: DataLoader, runs: Mapping[str, ArmRun]) -> dict[str, ArmRun]:
    """Time the arms in turns on a few images; ``timing.json`` keeps what was found while the arms stay the same.

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
        with tqdm(total=len(arms) * len(batches) * (TIMED_ROUNDS + 1), desc=f"{'timing':>20}", unit="image") as bar:
            timings = time_arms(built, batches, TIMED_ROUNDS, bar.update)
        write_timings(path, {name: run.folder.name for name, run in runs.items()}, timings)
    return {n: replace(run, ms=timings[n].ms, ms_intervals=timings[n].intervals) for n, run in runs.items()}


def _facts(plan: Plan, arm: Arm, data: dict[str, Any]) -> dict[str, Any]:
    """Everything that an arm depends on, and nothing that only its figures do."""
    metric, versions = metric_of(plan.cfg), meta(plan.cfg)
    parts = inner_datasets(plan.cfg)
    return {
        "pair": json.loads(json.dumps(pair_config(plan.cfg.model, arm, plan.checkpoint), default=str)),
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


def _run(plan: Plan, arm: Arm, loader: DataLoader, pair: SRDetector, place: tuple[Path, Mapping[str, Any]]) -> None:
    """Run one arm into its folder."""
    metric = metric_of(plan.cfg)
    metric.dataset_meta = _metainfo(loader)
    writer = ArmWriter(place[0], metric, partial(_short, loader.dataset), plan.pictures)
    done = len(writer.rows)
    with tqdm(total=len(loader), initial=done, desc=f"{arm.name:>20}", unit="image") as bar:

        def keep(sample: Any, macs: dict[str, float]) -> None:
            writer.add(sample, macs)
            bar.update()

        cost = run_arm(pair, islice(loader, done, None), arm.feed, keep)
    writer.finish(place[1], cost.ms)


def build_arm(plan: Plan, arm: Arm, shared: dict[str, Any]) -> SRDetector:
    """The pair of an arm, on its device; a detector that several arms have is built once and kept in ``shared``."""
    config = pair_config(plan.cfg.model, arm, plan.checkpoint)
    pair = MODELS.build(config)
    check_named_weights(pair)
    source = json.dumps([config["detector"], config["checkpoints"].get("detector")], default=str)
    pair.detector = shared.setdefault(source, pair.detector)
    if arm.sliced is not None:
        pair.detector = SlicedDetector(pair.detector, Slicing(**arm.sliced))
    return pair.to(plan.device).eval()


def _metainfo(loader: DataLoader) -> dict[str, Any]:
    dataset: Any = loader.dataset  # mmdet's, of which torch knows nothing
    return dataset.metainfo


def _short(dataset: Any, path: str) -> str:
    """A file's name as the annotation file has it."""
    for part in parts_of(dataset):
        root = str((part.data_prefix or {}).get("img") or "").rstrip("/")
        if root and path.startswith(root + "/"):
            return path.removeprefix(root + "/")
    return Path(path).name


def finish(plan: Plan, runs: Mapping[str, ArmRun], loader: DataLoader, replicates: int, seed: int) -> Comparison:
    """Count, resample, judge and write.

    Args:
        plan: Of the comparison.
        runs: Its arms.
        loader: Its data.
        replicates: How often the images are drawn anew.
        seed: Of these draws.

    Returns:
        The comparison; ``results.json``, ``results.csv`` and ``results.md`` hold it, ``predictions/`` what the arms found.
    """
    metric = metric_of(plan.cfg)
    settings = settings_of(metric, loader, replicates, seed)
    weights = draw(len(loader), replicates, seed)
    with _progress(len(runs) * settings.num_classes * len(settings.protocol.ranges()) * len(weights)) as bar:
        sampled = {
            name: sample_arm(run, runs.get(BASELINE), settings, weights, bar.update) for name, run in runs.items()
        }
    found = differences(sampled)
    headlines = {*HEADLINES, *(f"AP_{name}" for name in settings.protocol.bins)}
    comparison = Comparison(
        arms={name: arm_figures(run, sampled[name], settings) for name, run in runs.items()},
        differences=[d for d, _ in found],
        verdicts=[judge(d, images) for d, images in found if d.figure in headlines],
        meta=_meta(plan, runs, loader, settings, metric),
        runs=runs,
    )
    write_predictions(plan.folder, runs, loader.dataset)
    write(comparison, plan.folder)
    return comparison


@contextmanager
def _progress(total: int) -> Iterator[tqdm]:
    with tqdm(total=total, desc=f"{'bootstrap':>20}", unit="", bar_format="{l_bar}{bar}| {elapsed}<{remaining}") as bar:
        yield bar


def _meta(
    plan: Plan, runs: Mapping[str, ArmRun], loader: DataLoader, settings: Settings, metric: SizeBinnedCocoMetric
) -> dict[str, Any]:
    configs = {name: json.loads((run.folder / "arm.json").read_text(encoding="utf-8")) for name, run in runs.items()}
    return {
        **meta(plan.cfg),
        "config_text": plan.cfg.pretty_text,
        "classes": list(_metainfo(loader)["classes"]),
        "data": data_facts(loader.dataset),
        "folders": {name: str(run.folder.relative_to(plan.folder)) for name, run in runs.items()},
        "keys": {name: content["key"] for name, content in configs.items()},
        "weights": {k: v for c in configs.values() for k, v in file_hashes(c["pair"]).items()},
        "seeds": {"run": (plan.cfg.get("randomness") or {}).get("seed"), "bootstrap": settings.seed},
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
            "method": "paired over images, percentile; delta is figure of a - figure of b; one comparison at a time: of 20 "
            "arms that do not differ, one interval excludes 0 by chance",
        },
    }


def write(comparison: Comparison, folder: Path) -> None:
    """Write ``results.json``, ``results.csv`` and ``results.md``."""
    write_text(folder / "results.csv", csv_table(comparison.arms))
    text = [markdown_table(comparison.arms), "", *markdown_verdicts(v.text for v in comparison.verdicts)]
    write_text(folder / "results.md", "\n".join(text) + "\n")
    write_text(folder / RESULTS, json.dumps(comparison.to_json(), indent=2, allow_nan=False) + "\n")
