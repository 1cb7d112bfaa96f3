"""What ``tools/what_helps.py`` does: find out what helps a detector on a data set, untrained."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from torch.utils.data import DataLoader

from mmisr.analysis.comparison.arms import Arm
from mmisr.analysis.comparison.limit import TimeLimit, told
from mmisr.analysis.comparison.named_arms import IDENTITY, standard_arms
from mmisr.analysis.comparison.result import Comparison
from mmisr.analysis.comparison.run import TIMED_IMAGES, Setup, run_arms, timed
from mmisr.analysis.what_helps import WhatHelps, what_helps
from mmisr.apis.arms import read_arms
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import inner_datasets, is_pair
from mmisr.apis.compare import (
    REPLICATES,
    SEED,
    best_device,
    finish,
    results_folder,
    test_loader,
)
from mmisr.apis.configs import read_config
from mmisr.apis.plain_detector import pair_of
from mmisr.apis.report import report
from mmisr.ops.files import write_text
from mmisr.pipeline.handoff import Resize
from mmisr.registry import DATASETS, MODELS
from mmisr.reports.what_helps import HEADER, helps_rows, markdown_page, plot_recall
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.frames import hw_of

__all__ = ["HEADER", "Choice", "Found", "find_what_helps", "helps_rows"]

SCHEMA = 1
"""Of ``what_helps.json``; raised when a key changes its meaning."""

LARGER = (1.5, 2.0)
"""How much larger the input of the detector is tried, without super-resolution."""

TIMED_ROUNDS = 2
"""How often every way is timed on each image that is: they differ by factors, not by percents."""


@dataclass(frozen=True)
class Choice:
    """What is tried, on how much.

    Args:
        sr: Editors to try, ``NAME=CONFIG`` or ``NAME=CONFIG,CHECKPOINT`` each.
        images: So many images, chosen by the seed, in place of all; None for all.
        simulate: The images are HR, and LR is made of them at this factor; None where they are
            what the sensor saw. A pair's config says itself where its LR images come from.
        seed: Of the choice of images and of the intervals.
        minutes: How long all may take: ways that need more are left out, and said; None for any
            time. The detector as it is used today is measured in any case.

    Raises:
        ValueError: ``images``, ``simulate`` or ``minutes`` is out of range.
    """

    sr: Sequence[str] = ()
    images: int | None = None
    simulate: int | None = None
    seed: int = SEED
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.images is not None and self.images < 1:
            raise ValueError(f"images must be at least 1, got {self.images}")
        if self.simulate is not None and self.simulate < 2:
            raise ValueError(f"simulate must be a factor of at least 2, got {self.simulate}")
        if self.minutes is not None and not self.minutes > 0:
            raise ValueError(f"minutes must be more than 0, got {self.minutes}")


@dataclass(frozen=True)
class Found:
    """What was found, and where it lies.

    Args:
        what: Figures and advice.
        comparison: All of the comparison.
        folder: The folder of ``what_helps.md``, ``what_helps.json``, ``recall_by_size.png`` and
            ``report.html``.
    """

    what: WhatHelps
    comparison: Comparison
    folder: Path


@names_config
def find_what_helps(
    config: str | Path | Config,
    checkpoint: str | None = None,
    choice: Choice | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    replicates: int = REPLICATES,
    cfg_options: dict[str, Any] | None = None,
) -> Found:
    """Feed a detector in every way that needs no training, and say which helps.

    As it is, a larger input, slices, every editor that is named, windows where the pair has them,
    and HR where LR is simulated. Ways that were run before are read from ``out``; one that was
    stopped goes on.

    Args:
        config: Config of a plain mmdet detector, or of a pair; its test data in COCO format.
        checkpoint: Weights of the detector, or of the whole pair; None for those that the config
            names.
        choice: What is tried, on how much.
        out: Folder for results; ``work_dirs/what_helps/<config name>`` by default.
        device: Where to run; a GPU where there is one by default.
        replicates: How often the images are drawn anew for the intervals.
        cfg_options: Overrides by dotted key.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: The config has no detector, or its test data is not in COCO format.
    """
    choice = choice or Choice()
    cfg = read_config(config, cfg_options=cfg_options)
    folder = Path(out) if out else Path("work_dirs/what_helps") / results_folder(cfg).name
    title = f"What helps {results_folder(cfg).name}"
    is_plain = not is_pair(cfg)
    if is_plain:
        cfg = _as_pair(cfg, checkpoint, choice.simulate)
        checkpoint = None
    elif choice.simulate is not None:
        raise ValueError(
            "simulate is for the config of a plain detector; a pair's own data says how its LR "
            "images are made"
        )
    total = _choose_images(cfg, choice)
    loader = test_loader(cfg)
    arms = _arms(cfg, loader, choice.sr, is_plain)
    setup = Setup(cfg, folder, checkpoint, device or best_device())
    limit = _limit(choice, arms)
    runs = run_arms(setup, arms, loader, limit)
    have_run = [arm for arm in arms if arm.name in runs]
    runs = timed(setup, have_run, loader, runs, TIMED_ROUNDS)
    comparison = finish(setup, runs, loader, replicates, choice.seed)
    found = what_helps(comparison)
    advice = list(found.advice)
    advice += _about_the_subset(comparison, total)
    advice = [*_about_the_time(limit), *advice]
    found = replace(found, advice=advice)
    _write(found, comparison, folder, title)
    return Found(found, comparison, folder)


def _limit(choice: Choice, arms: Sequence[Arm]) -> TimeLimit:
    """The time that all ways may take; the first is what the others are compared with."""
    seconds = None if choice.minutes is None else 60 * choice.minutes
    num_timed = TIMED_IMAGES * (TIMED_ROUNDS + 1)
    return TimeLimit(seconds, num_timed, always=arms[0].name)


def _as_pair(cfg: Config, checkpoint: str | None, simulate: int | None) -> Config:
    pair = pair_of(cfg, simulate)
    weights = checkpoint or cfg.get("load_from")
    if weights:
        pair.model.checkpoints = {"detector": str(weights)}
    return read_config(pair)


def _choose_images(cfg: Config, choice: Choice) -> int | None:
    """Take a seeded choice of the test images; of how many, where some are left out."""
    if choice.images is None:
        return None
    datasets = inner_datasets(cfg)
    if len(datasets) > 1:
        raise ValueError("images chooses of one data set, and the test data has several")
    (dataset,) = datasets
    total = len(DATASETS.build(dataset))
    if choice.images >= total:
        return None
    draws = np.random.default_rng(choice.seed)
    chosen = draws.choice(total, choice.images, replace=False)
    dataset.indices = sorted(chosen.tolist())
    return total


def _arms(cfg: Config, loader: DataLoader, sr: Sequence[str], is_plain: bool) -> list[Arm]:
    """The detector as it is used today first."""
    sample = loader.dataset[0]
    handoff = cfg.model.get("handoff") or {}
    own = handoff.get("resize") or {}
    hw = hw_of(sample["inputs"])
    test_cfg = cfg.model.get("test_cfg") or {}
    slices = test_cfg.get("slices")
    arms = [Arm("lr", IDENTITY, slices=slices)]
    arms += _without_sr(own, hw, slices)
    editor = cfg.model.editor.to_dict()
    info = MODELS.build(editor).info
    standard = standard_arms(editor, test_cfg.get("windows"), slices, info)
    has_hr = "hr" in sample["data_samples"]
    tried = _with_sr(info, standard, has_hr)
    if sr:
        tried += read_arms(sr, editor, slices=slices, info=info)
    if is_plain:
        tried = [_at_sr_size(arm, own, info.scale) for arm in tried]
    # The oracle stands last.
    arms += [arm for arm in tried if arm.feed == "lr"]
    arms += [arm for arm in tried if arm.feed == "hr"]
    return arms


def _without_sr(
    own: dict[str, Any], lr_hw: tuple[int, int], slices: dict[str, Any] | None
) -> Iterator[Arm]:
    """Larger inputs, and slices."""
    for factor in LARGER:
        handoff = {"resize": enlarged(own, factor)}
        yield Arm(f"larger_{factor:g}x", IDENTITY, handoff=handoff, slices=slices)
    height, width = lr_hw
    resize = Resize(**own)
    own_height, _ = resize.target_hw(height, width)
    twice = 2 * own_height / height
    handoff = {"resize": {"factor": twice}}
    yield Arm("sliced_2x2", IDENTITY, handoff=handoff, slices={"whole": True})


def _with_sr(info: EditorInfo, standard: Sequence[Arm], has_hr: bool) -> list[Arm]:
    """Bicubic, the arms of a pair's own editor, and HR where there is some."""
    if info.scale == 1:
        return []
    arms = {arm.name: arm for arm in standard}
    del arms["lr"]
    if not has_hr:
        del arms["hr"]
    if not info.trainable:  # a resampler, which bicubic stands for
        del arms[info.method]
    return list(arms.values())


def _at_sr_size(arm: Arm, own: dict[str, Any], scale: int) -> Arm:
    """The arm whose detector sees as many more pixels as it is given.

    Args:
        arm: An arm that enlarges, or sees HR.
        own: How the detector's own config resizes images.
        scale: From LR to HR.
    """
    if "scale" not in own:
        return arm
    larger = scale
    if arm.feed == "lr":
        editor = MODELS.build(arm.editor)
        larger = editor.info.scale
    resize = enlarged(own, larger)
    return replace(arm, handoff={"resize": resize})


def enlarged(resize: dict[str, Any], factor: float) -> dict[str, Any]:
    """A resize that gives a larger image.

    Args:
        resize: Arguments of :class:`mmisr.pipeline.handoff.Resize`; empty for none.
        factor: How much larger, per axis.

    Example:
        >>> enlarged({"scale": (1333, 800)}, 1.5), enlarged({}, 2.0)
        ({'scale': (2000, 1200)}, {'factor': 2.0})
    """
    if "scale" in resize:
        sides = [round(side * factor) for side in resize["scale"]]
        return {**resize, "scale": tuple(sides)}
    own = resize.get("factor", 1.0)
    return {**resize, "factor": own * factor}


def _about_the_time(limit: TimeLimit) -> list[str]:
    """What there was no time for, and how to go on."""
    if limit.seconds is None or not limit.left_out:
        return []
    limited = told(limit.seconds)
    left_out = ", ".join(limit.left_out)
    minutes = math.ceil(limit.would_do() / 60)
    sentence = (
        f"{limited} would not do for {left_out}, and nothing is said of them here. The same call "
        f"with --minutes {minutes} goes on from here, and"
    )
    if not limit.untried:
        return [f"{sentence} should do."]
    untried = ", ".join(limit.untried)
    return [
        f"{sentence} may do: there was no time to try {untried} on one image, so that nobody "
        "knows what that takes."
    ]


def _about_the_subset(comparison: Comparison, total: int | None) -> list[str]:
    """How sure a choice of images is, and how long all would take."""
    if total is None:
        return []
    tried = comparison.meta.bootstrap.images
    seconds = sum(sum(figures.ms.values()) for figures in comparison.arms.values()) / 1000
    minutes = seconds * total / 60
    return [
        f"This rests on {tried} of {total} images. All of them would take the ways of the table "
        f"about {max(1, round(minutes))} minutes of SR and detection on this machine, and narrow "
        "the intervals."
    ]


def _write(found: WhatHelps, comparison: Comparison, folder: Path, title: str) -> None:
    report(folder, title)
    plot_recall(found, folder / "recall_by_size.png")
    page = markdown_page(found, comparison, title)
    write_text(folder / "what_helps.md", page)
    content = {"schema": SCHEMA, **asdict(found)}
    as_json = json.dumps(content, indent=2)
    write_text(folder / "what_helps.json", f"{as_json}\n")
