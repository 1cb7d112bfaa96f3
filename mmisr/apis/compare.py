"""What ``tools/compare.py`` does: arms on one data set, and what their differences show."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmisr.analysis.comparison.arms import Arm
from mmisr.analysis.comparison.judge import judge
from mmisr.analysis.comparison.meta import comparison_meta
from mmisr.analysis.comparison.named_arms import standard_arms
from mmisr.analysis.comparison.predictions import write_predictions
from mmisr.analysis.comparison.resample import resample
from mmisr.analysis.comparison.result import RESULTS, ArmRun, Comparison
from mmisr.analysis.comparison.run import (
    SEED,
    Setup,
    metric_of,
    run_arms,
    settings_of,
    timed,
)
from mmisr.apis.arms import read_arms
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import inner_datasets, is_pair, test_pipeline
from mmisr.apis.checks.own_resize import say_dropped_resize
from mmisr.apis.configs import read_config
from mmisr.ops.files import write_text
from mmisr.reports.table import csv_table, markdown_table, markdown_verdicts

REPLICATES = 1000


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

    An arm that was run before, with the same config, weights and data, is read from ``out`` and not
    run again; one that is interrupted goes on where it stopped, and leaves nothing behind that
    could be taken for a result.

    Args:
        config: Config of a pair; its test data and its metric are those of every arm.
        arms: What to compare, see :func:`mmisr.apis.arms.read_arms`; by default no SR, bicubic, the
            config's editor (and its dense form where it routes tokens, and in windows where the
            config has them), and HR where the data has it.
        out: Folder for results; ``work_dirs/compare/<config name>`` by default.
        checkpoint: Weights of the whole pair; None for those that the config itself names.
        device: Where to run; a GPU where there is one by default.
        replicates: How often the images are drawn anew for the intervals.
        seed: Seed of these draws.
        cfg_options: Overrides by dotted key.

    Returns:
        The comparison, as :meth:`Comparison.load` reads it from ``out``.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: The config is no pair's, or an arm cannot be read or run.

    Example:
        >>> from mmisr.apis.compare import compare  # doctest: +SKIP
        >>> comparison = compare("my_pair.py", arms=["lr", "bicubic", "editor"])  # doctest: +SKIP
        >>> [verdict.text for verdict in comparison.verdicts]  # doctest: +SKIP
    """
    cfg = read_config(config, cfg_options=cfg_options)
    setup = Setup(
        cfg=cfg,
        folder=results_folder(cfg, out),
        checkpoint=checkpoint,
        device=device or best_device(),
    )
    loader = test_loader(cfg)
    editor = cfg.model.editor.to_dict()
    test_cfg = cfg.model.get("test_cfg") or {}
    windows = test_cfg.get("windows")
    slices = test_cfg.get("slices")
    if arms:
        chosen = read_arms(arms, editor, windows, slices)
    else:
        chosen = default_arms(editor, loader, windows, slices)
    runs = run_arms(setup, chosen, loader)
    runs = timed(setup, chosen, loader, runs)
    return finish(setup, runs, loader, replicates, seed)


def best_device() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def results_folder(config: str | Path | Config, out: str | Path | None = None) -> Path:
    """Where the results of a comparison lie.

    Args:
        config: The config, as for :func:`compare`.
        out: The folder given, as for :func:`compare`.
    """
    name = config.filename if isinstance(config, Config) else config
    stem = Path(name).stem if name else "run"
    return Path(out or f"work_dirs/compare/{stem}")


def default_arms(
    editor: dict[str, Any],
    loader: DataLoader,
    windows: dict[str, Any] | None = None,
    slices: dict[str, Any] | None = None,
) -> list[Arm]:
    """The standard arms; without HR where the data has none."""
    first = loader.dataset[0]
    sample = first["data_samples"]
    has_hr = "hr" in sample
    standard = standard_arms(editor, windows, slices)
    arms = []
    for arm in standard:
        if has_hr or arm.feed != "hr":
            arms.append(arm)
    return arms


def test_loader(cfg: Config) -> DataLoader:
    """The test data of a pair, one image per batch, in the order of the data set.

    Raises:
        ValueError: The config is no pair's, or its test set is empty.
    """
    test_pipeline(cfg)
    if not is_pair(cfg):
        kind = cfg.get("model", {}).get("type")
        raise ValueError(
            f"compare() needs the config of a pair, and the model of {cfg.filename} is {kind!r}: "
            "put your detector behind an editor, model=dict(type='mmisr.SRDetector', "
            "editor=dict(type='mmisr.Resample', scale=4), detector=...)"
        )
    MMLogger.get_current_instance().setLevel("WARNING")  # one table at the end says it all
    say_dropped_resize(cfg)
    wanted = copy.deepcopy(cfg.test_dataloader)
    wanted.update(batch_size=1, drop_last=False)
    wanted.sampler = {"type": "DefaultSampler", "shuffle": False}
    loader = Runner.build_dataloader(wanted)
    if not len(loader):
        files = [dataset.get("ann_file") for dataset in inner_datasets(cfg)]
        raise ValueError(f"the test set of {cfg.filename} has no image: {files}")
    return loader


# It is not a test, whatever pytest makes of the name.
test_loader.__test__ = False  # type: ignore[attr-defined]


def finish(
    setup: Setup, runs: Mapping[str, ArmRun], loader: DataLoader, replicates: int, seed: int
) -> Comparison:
    """Resample, judge, and write the results.

    Args:
        setup: What the comparison ran on.
        runs: The arms that were run, by name.
        loader: The test data.
        replicates: How often the images are drawn anew.
        seed: Seed of these draws.

    Returns:
        The comparison; ``results.json``, ``results.csv`` and ``results.md`` hold it,
        ``predictions/`` the detections of the arms.
    """
    settings = settings_of(metric_of(setup.cfg), loader, replicates, seed)
    sampled = resample(runs, settings)
    meta = comparison_meta(setup, runs, loader, settings)
    comparison = judge(runs, sampled, settings, meta)
    write_predictions(setup.folder, runs, loader.dataset)
    write(comparison, setup.folder)
    return comparison


def write(comparison: Comparison, folder: Path) -> None:
    """Write ``results.json``, ``results.csv`` and ``results.md``."""
    sentences = [verdict.text for verdict in comparison.verdicts]
    markdown = [markdown_table(comparison.arms), ""]
    markdown += markdown_verdicts(sentences)
    as_markdown = "\n".join(markdown)
    content = comparison.to_json()
    as_json = json.dumps(content, indent=2, allow_nan=False)
    write_text(folder / "results.csv", csv_table(comparison.arms))
    write_text(folder / "results.md", f"{as_markdown}\n")
    write_text(folder / RESULTS, f"{as_json}\n")
