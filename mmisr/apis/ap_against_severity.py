"""What ``tools/analysis/ap_against_severity.py`` does: AP of pairs on LR images that are corrupted.

The tables and the plot are those of :mod:`mmisr.reports.severity`.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from tqdm import tqdm

from mmisr.analysis.facts import code_hash, data_facts, meta
from mmisr.apis.checks.data import inner_datasets, test_pipeline
from mmisr.apis.configs import read_config
from mmisr.apis.test import makes_lr, test
from mmisr.degradation.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    check_corruptions,
    check_severities,
    corruption,
)
from mmisr.degradation.transform import CorruptLR, FeedHR
from mmisr.ops.files import fitting_name, write_text
from mmisr.registry import DATASETS, TRANSFORMS, find
from mmisr.reports.severity import plot_severities, severity_table

__all__ = ["CORRUPTIONS", "SEVERITIES", "ap_against_severity", "pairs_of", "severity_table"]

SCHEMA = 1
"""Of ``ap_against_severity.json``; raised when a key changes its meaning."""
WEIGHTS = (".pth", ".pt", ".ckpt")
"""Endings of checkpoints."""
AP_NAMES = ("bbox/AP", "coco/bbox_mAP")
"""Names that metrics give the AP of boxes."""
CLEAN = "clean"
KEY = 12
"""Characters of the hash in the name of a cell."""


@dataclass(frozen=True)
class Pair:
    """What is evaluated.

    Args:
        name: What tables call it.
        config: Its config.
        checkpoint: Weights of the whole model; None for those that the config names.
    """

    name: str
    config: str
    checkpoint: str | None


def pairs_of(words: Sequence[str]) -> list[Pair]:
    """Configs, each with the checkpoint behind it or without, as a command line has them.

    Args:
        words: Configs and checkpoints; what ends in ``.pth``, ``.pt`` or ``.ckpt`` is a checkpoint.

    Returns:
        The pairs, named after their configs; those of one config by their checkpoints too.

    Raises:
        ValueError: A checkpoint stands behind no config, or two pairs are the same.

    Example:
        >>> [(pair.name, pair.checkpoint) for pair in pairs_of(["a.py", "run/1.pth", "b.py"])]
        [('a', 'run/1.pth'), ('b', None)]
    """
    found: list[tuple[str, str | None]] = []
    for word in words:
        if not word.endswith(WEIGHTS):
            found.append((word, None))
            continue
        if not found or found[-1][1] is not None:
            raise ValueError(
                f"checkpoint {word} stands behind no config: give CONFIG CHECKPOINT, or CONFIG "
                "alone for the weights that it names"
            )
        found[-1] = (found[-1][0], word)
    if len(set(found)) < len(found):
        raise ValueError(f"a pair stands twice among {' '.join(words)}: give each once")
    stems = [Path(config).stem for config, _ in found]
    pairs = []
    for stem, (config, checkpoint) in zip(stems, found, strict=True):
        is_alone = stems.count(stem) == 1
        name = stem if is_alone else f"{stem} {checkpoint}"
        pairs.append(Pair(name, config, checkpoint))
    return pairs


@dataclass(frozen=True)
class Cell:
    """One pair on one corruption of one severity.

    Args:
        pair: Name of the pair.
        corruption: Name of the corruption.
        severity: 0 to 5.
        AP: Of boxes.
        metrics: All that the config's metrics found.
        recipe: What was done to the LR images, with versions and values.
    """

    pair: str
    corruption: str
    severity: int
    AP: float
    metrics: dict[str, float]
    recipe: str


def ap_against_severity(
    pairs: Sequence[Pair],
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    severities: Sequence[int] = (0, *SEVERITIES),
    out: str | Path = "work_dirs/ap_against_severity",
    seed: int = 0,
    cfg_options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Evaluate pairs on their own test data, its LR images corrupted.

    The corruption comes behind the transform that makes the LR images, so every pair is tested as
    ``tools/test.py`` would. A severity of 0 is measured once for all corruptions.

    Args:
        pairs: What is evaluated, see :func:`pairs_of`.
        corruptions: Names of :data:`mmisr.degradation.corruptions.CORRUPTIONS`; all by default.
        severities: 0 (as it is) to 5.
        out: Folder of ``ap_against_severity.json``, ``.md`` and ``.png``. Cells that are in it, of
            the same config, weights, data, code and seed, are not computed again.
        seed: What the corruptions are drawn by, with the image's id.
        cfg_options: Overrides of every config by dotted key.

    Returns:
        ``cells`` and ``meta``.

    Raises:
        FileNotFoundError: A config, a checkpoint or data are not there.
        ValueError: There is no such corruption or severity, a config has no LR images, or no metric
            that finds AP.
        ImportError: What a corruption needs is not installed.
    """
    check_corruptions(corruptions)
    check_severities(severities)
    for name in corruptions:
        corruption(name, max(severities))  # says now what is not installed
    folder = Path(out)
    wanted = [(name, severity) for name in corruptions for severity in sorted(set(severities))]
    cells = []
    about = {}
    with tqdm(total=len(pairs) * len(wanted), unit="cell") as bar:
        for pair in pairs:
            cfg = read_config(pair.config, str(folder / "logs"), cfg_options)
            about[pair.name] = {**meta(cfg), "checkpoint": pair.checkpoint}
            for cell in _measured(pair, cfg, wanted, folder, seed):
                cells.append(cell)
                bar.update()
    content = {
        "schema": SCHEMA,
        "seed": seed,
        "cells": [asdict(cell) for cell in cells],
        "meta": about,
    }
    _write(content, folder)
    return content


def _measured(
    pair: Pair, cfg: Config, wanted: Sequence[tuple[str, int]], folder: Path, seed: int
) -> Iterator[Cell]:
    """The cells of a pair, read where they are there."""
    facts = _facts(pair, cfg, seed)
    for name, severity in wanted:
        recipe = corruption(name, severity).name if severity else CLEAN
        path = folder / "cells" / _file_name(pair, recipe, {**facts, "recipe": recipe})
        if not path.is_file():
            corrupted = corrupted_config(cfg, name, severity, seed)
            metrics = _tested(corrupted, pair.checkpoint)
            write_text(path, json.dumps(metrics, indent=1) + "\n")
        metrics = json.loads(path.read_text(encoding="utf-8"))
        yield Cell(pair.name, name, severity, _ap(metrics, pair), metrics, recipe)


def _tested(config: Config, checkpoint: str | None) -> dict[str, float]:
    """The metrics of a config."""
    metrics = test(config, checkpoint, work_dir=config.work_dir)
    return {name: float(value) for name, value in metrics.items()}


def corrupted_config(cfg: Config, name: str, severity: int, seed: int = 0) -> Config:
    """A config whose test images are corrupted behind the transform that makes LR images.

    Args:
        cfg: The config of a pair.
        name: Name of the corruption.
        severity: 0 to 5.
        seed: What it is drawn by, with the image's id.

    Raises:
        ValueError: A test pipeline makes no LR images, or feeds HR ones.
    """
    test_pipeline(cfg)
    corrupted = copy.deepcopy(cfg)  # the config's own copies share what is nested
    corrupted.log_level = "WARNING"  # one table at the end says it all
    step = {
        "type": f"mmisr.{CorruptLR.__name__}",
        "corruption": name,
        "severity": severity,
        "seed": seed,
    }
    for dataset in inner_datasets(corrupted):
        pipeline = list(dataset["pipeline"])
        place = _place(pipeline, cfg)
        dataset["pipeline"] = [*pipeline[:place], step, *pipeline[place:]]
    return corrupted


def _place(pipeline: Sequence[dict], cfg: Config) -> int:
    """Behind the transform that makes LR images."""
    if any(find(TRANSFORMS, step["type"]) is FeedHR for step in pipeline):
        raise ValueError(
            f"the test pipeline of {cfg.filename} feeds HR images (mmisr.{FeedHR.__name__}), and "
            "corruptions are of LR ones: give the config of a pair that sees LR"
        )
    makers = [number for number, step in enumerate(pipeline) if makes_lr(step)]
    if not makers:
        raise ValueError(
            f"the test pipeline of {cfg.filename} makes no LR images: put mmisr.SimulateLR or "
            "mmisr.NativeLR into it"
        )
    return makers[0] + 1


def _facts(pair: Pair, cfg: Config, seed: int) -> dict[str, Any]:
    """What the figures of a pair depend on, beside the corruption."""
    plain = cfg.to_dict()
    plain.pop("work_dir")
    weights = None
    if pair.checkpoint is not None:
        weights = _sha256(Path(pair.checkpoint))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return {
        "config": json.loads(json.dumps(plain, default=str)),
        "weights": weights,
        "data": data_facts(dataset),
        "versions": meta(cfg)["packages"],
        "code": code_hash(),
        "seed": seed,
    }


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint {path} does not exist; give the file that training wrote"
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _file_name(pair: Pair, recipe: str, facts: dict[str, Any]) -> str:
    """Name of a cell's file: what it is, and a hash of all that it depends on."""
    text = json.dumps(facts, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:KEY]
    ending = f"-{key}.json"
    label = recipe.partition("+")[0].replace(":", "-")
    stem = fitting_name(f"{Path(pair.config).stem}-{label}", len(ending))
    return f"{stem}{ending}"


def _ap(metrics: dict[str, float], pair: Pair) -> float:
    for name in AP_NAMES:
        if name in metrics:
            return metrics[name]
    raise ValueError(
        f"the metrics of {pair.config} must find one of {', '.join(AP_NAMES)}, found "
        f"{', '.join(metrics) or 'none'}: give the config of a pair with "
        "test_evaluator=dict(type='mmisr.SizeBinnedCocoMetric')"
    )


def _write(content: dict[str, Any], folder: Path) -> None:
    """Write ``ap_against_severity.json``, ``.md`` and ``.png``."""
    text = json.dumps(content, indent=2)
    write_text(folder / "ap_against_severity.json", f"{text}\n")
    table = severity_table(content["cells"])
    write_text(folder / "ap_against_severity.md", f"{table}\n")
    plot_severities(content["cells"], folder / "ap_against_severity.png")
