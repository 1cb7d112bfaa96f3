"""What ``tools/analysis/pareto.py`` does.

Accuracy against milliseconds over the budget range, router by router.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from mmisr.analysis.comparison.arms import Arm
from mmisr.analysis.comparison.figures import ArmFigures
from mmisr.analysis.comparison.judge import arm_figures
from mmisr.analysis.comparison.named_arms import editor_arms, named_arms
from mmisr.analysis.comparison.resample import Settings, sample_arm
from mmisr.analysis.comparison.result import ArmRun
from mmisr.analysis.comparison.run import Setup, build_arm, metric_of, run_arms, settings_of
from mmisr.analysis.facts import meta
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.compare import best_device, test_loader
from mmisr.apis.configs import read_config
from mmisr.ops.files import write_text
from mmisr.ops.timing import NULL_TIMER, StageTimer, interleaved
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.registry import MODELS
from mmisr.reports.plots import plot_curves
from mmisr.reports.speed import pareto_table
from mmisr.structures.editor_info import Routers, with_budget

SCHEMA = 1
"""Of ``pareto.json``."""

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
FIGURES = {"AP": "ap", "in-box PSNR": "psnr_in_box"}
"""Panels of the plot, and the figure of a point that each shows."""


@dataclass(frozen=True)
class Point:
    """One router at one budget.

    Args:
        router: Name of the router, the editor's own one (``learned``) or one beside it (``random``,
            ``edge``, ``oracle``); ``served``, the own one as it is served, or an end of the range
            (``bicubic``, ``block_1_only``, ``all_hard``).
        share: Share of deep tokens that was asked for; None where nothing was asked.
        deep: Share of deep tokens, mean over the images.
        ap: AP of the pair.
        psnr_in_box: Mean over the images with boxes; None without HR.
        ms: Milliseconds of SR alone, per image: median over rounds in which all points take turns.
        macs: MACs of SR alone, mean over the images, everything charged.
    """

    router: str
    share: float | None
    deep: float | None
    ap: float | None
    psnr_in_box: float | None
    ms: float
    macs: float


@dataclass(frozen=True)
class Measured:
    """What becomes a point.

    Args:
        router: As in :class:`Point`.
        share: As in :class:`Point`.
        arm: The arm that is evaluated and timed.
    """

    router: str
    share: float | None
    arm: Arm


@names_config
def pareto(
    config: str,
    out: str | None = None,
    shares: Sequence[float] = SHARES,
    images: int = 10,
    rounds: int = 5,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure the curve of accuracy against time that a budget moves along, and other routers'.

    Args:
        config: Config of a pair whose editor routes tokens (``EditorInfo.routers``).
        out: Folder of ``pareto.json``, ``pareto.png`` and ``pareto.md``; ``work_dirs/pareto/<config
            name>`` by default. Points that are in it are not evaluated again; times are measured
            anew.
        shares: Shares of deep tokens, 0 to 1.
        images: Number of images that are timed.
        rounds: Number of rounds in which they are.
        device: Where to run; a GPU where there is one by default.
        cfg_options: Overrides by dotted key.

    Returns:
        ``points``; ``stages``, milliseconds per image of the editor's own router; ``pairs``, SR and
        detector together against other ways to use the same detector; ``meta``.

    Raises:
        ValueError: The config is no pair's, or its editor routes no tokens.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    loader = test_loader(cfg)
    name = Path(config).stem
    folder = Path(out or f"work_dirs/pareto/{name}")
    setup = Setup(
        cfg=cfg,
        folder=folder,
        device=device or best_device(),
        pictures=False,
    )
    batches = list(itertools.islice(loader, images))
    content = _measure(setup, shares, loader, batches, rounds)
    content["meta"] = {
        **meta(cfg),
        "images timed": len(batches),
        "rounds": rounds,
    }
    _write(content, folder)
    return content


def _measure(
    setup: Setup,
    shares: Sequence[float],
    loader: DataLoader,
    batches: Sequence[dict],
    rounds: int,
) -> dict[str, Any]:
    """Evaluate every arm on all images, and time them on some."""
    editor = setup.cfg.model.editor.to_dict()
    measured = measured_arms(editor, shares)
    whole = _whole_arms(editor)
    of_curves = [m.arm for m in measured]
    arms = {arm.name: arm for arm in [*of_curves, *whole]}
    runs = run_arms(setup, list(arms.values()), loader)
    metric = metric_of(setup.cfg)
    settings = settings_of(metric, loader, replicates=1)
    figures = {name: figures_of(run, settings) for name, run in runs.items()}
    shared: dict[str, Any] = {}
    built = {name: build_arm(setup, arm, shared) for name, arm in arms.items()}
    alone = {arm.name: built[arm.name] for arm in of_curves}
    ms = _ms_per_image(_upscale, alone, batches, rounds)
    points = []
    for m in measured:
        name = m.arm.name
        macs = runs[name].macs["upscale"]
        point = _point(m, figures[name], macs, ms[name])
        points.append(asdict(point))
    pairs = {arm.name: built[arm.name] for arm in whole}
    own, *_ = editor_arms(editor)
    stages = _stages(pairs[own.name], batches, rounds)
    return {
        "schema": SCHEMA,
        "points": points,
        "stages": stages,
        "pairs": _pairs(pairs, figures, batches, rounds),
    }


def _write(content: dict[str, Any], folder: Path) -> None:
    """Write ``pareto.json``, ``pareto.md`` and ``pareto.png``."""
    text = json.dumps(content, indent=2)
    write_text(folder / "pareto.json", f"{text}\n")
    table = pareto_table(content)
    write_text(folder / "pareto.md", f"{table}\n")
    panels = _panels(content["points"])
    picture = folder / "pareto.png"
    plot_curves(panels, picture, "SR milliseconds an image")


def measured_arms(editor: dict[str, Any], shares: Sequence[float]) -> list[Measured]:
    """What is measured of an editor that routes tokens.

    Bicubic, the ends of its range, its own router free, served and at every share, and the routers
    that its info names beside it.

    Args:
        editor: Config of the editor.
        shares: Shares of deep tokens, 0 to 1.

    Raises:
        ValueError: The editor routes no tokens.
    """
    info = MODELS.build(editor).info
    routers = info.routers
    if routers is None:
        raise ValueError(
            f"a budget moves an editor that routes tokens, and {editor['type']!r} does not"
        )
    own, dense = editor_arms(editor)
    measured = [
        Measured("bicubic", None, named_arms(editor)["bicubic"]),
        Measured("block_1_only", None, _routed("block_1_only", editor, routers.cheapest)),
        Measured("all_hard", None, dense),
        Measured(routers.own, None, own),
    ]
    if routers.serving is not None:
        served = _routed("served", _merged(editor, routers.serving), routers.own)
        measured.append(Measured("served", None, served))
    if routers.oracle is not None:
        oracle = _routed("oracle", editor, routers.oracle)
        measured.append(Measured(routers.oracle, None, oracle))
    for share in shares:
        measured += _at_share(editor, routers, share)
    return measured


def _at_share(editor: dict[str, Any], routers: Routers, share: float) -> Iterator[Measured]:
    """The own router and those beside it, all with the same share of deep tokens."""
    per_mille = round(1000 * share)
    own = routers.own
    budgeted = with_budget(own, {"hard_share": share})
    arm = _routed(f"{own}_{per_mille}", editor, budgeted)
    yield Measured(own, share, arm)
    between = [0.0] * (routers.num_exits - 2)
    by_exit = [1 - share, *between, share]
    for router in routers.by_share:
        config = {"type": router, "shares": by_exit}
        arm = _routed(f"{router}_{per_mille}", editor, config)
        yield Measured(router, share, arm)


def _routed(name: str, editor: dict[str, Any], router: str | dict[str, Any]) -> Arm:
    return Arm(name, {**editor, "router": router})


def _merged(editor: dict[str, Any], overrides: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An editor's config with more keys in some of its dicts."""
    merged = dict(editor)
    for key, values in overrides.items():
        merged[key] = {**(editor.get(key) or {}), **values}
    return merged


def _whole_arms(editor: dict[str, Any]) -> list[Arm]:
    """The arms whose pairs are timed as a whole, detector included."""
    known = named_arms(editor)
    return [known["bicubic"], *editor_arms(editor), known["sliced"]]


def figures_of(run: ArmRun, settings: Settings) -> ArmFigures:
    """The figures of an arm, without intervals."""
    weights = np.ones((1, len(run.records)), dtype=np.int64)
    sampled = sample_arm(run, None, settings, weights)
    return arm_figures(run, sampled, settings)


def _point(measured: Measured, figures: ArmFigures, macs: float, ms: float) -> Point:
    first_exit = next(iter(figures.tokens.values()), None)
    return Point(
        router=measured.router,
        share=measured.share,
        deep=None if first_exit is None else 1 - first_exit,
        ap=figures.AP,
        psnr_in_box=figures.psnr["in_box"],
        ms=ms,
        macs=macs,
    )


def _ms_per_image(
    run: Callable[[SRDetector, Sequence[dict]], None],
    pairs: Mapping[str, SRDetector],
    batches: Sequence[dict],
    rounds: int,
) -> dict[str, float]:
    """Median milliseconds per image of what ``run`` does with each pair; the pairs take turns."""
    ways = {name: partial(run, pair, batches) for name, pair in pairs.items()}
    times = interleaved(ways, rounds)
    return {name: median(values) / len(batches) for name, values in times.items()}


def ms_of_pairs(
    pairs: Mapping[str, SRDetector], batches: Sequence[dict], rounds: int
) -> dict[str, float]:
    """Median milliseconds per image of whole pairs, which take turns.

    Args:
        pairs: By name, in evaluation.
        batches: Of one image each.
        rounds: How often each sees every image.
    """
    return _ms_per_image(_detect, pairs, batches, rounds)


@torch.inference_mode()
def _upscale(pair: SRDetector, batches: Sequence[dict]) -> None:
    for batch in batches:
        data = pair.data_preprocessor(batch)
        pair.upscale(data["inputs"], data["data_samples"])


@torch.inference_mode()
def _detect(pair: SRDetector, batches: Sequence[dict]) -> None:
    for batch in batches:
        pair.test_step(batch)


def _stages(pair: SRDetector, batches: Sequence[dict], rounds: int) -> dict[str, float]:
    """Median milliseconds per image and stage; ``upscale`` holds those of the editor."""
    _detect(pair, batches)  # warms up
    timer = StageTimer()
    pair.timer = pair.editor.timer = timer
    for _ in range(rounds):
        for batch in batches:
            with timer.stage("preprocess"):
                data = pair.data_preprocessor(batch)
            with torch.inference_mode():
                pair.predict(data["inputs"], data["data_samples"])
    pair.timer = pair.editor.timer = NULL_TIMER
    return timer.medians()


def _pairs(
    pairs: Mapping[str, SRDetector],
    figures: Mapping[str, ArmFigures],
    batches: Sequence[dict],
    rounds: int,
) -> dict[str, dict[str, float | None]]:
    """AP, milliseconds per image and images per second of whole pairs, which take turns."""
    rows: dict[str, dict[str, float | None]] = {}
    for name, ms in ms_of_pairs(pairs, batches, rounds).items():
        rows[name] = {"AP": figures[name].AP, "ms": ms, "images_per_s": 1000 / ms}
    return rows


def _panels(
    points: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, tuple[list[float], list[float]]]]:
    return {title: dict(_curves(points, figure)) for title, figure in FIGURES.items()}


def _curves(
    points: Sequence[Mapping[str, Any]], figure: str
) -> Iterator[tuple[str, tuple[list[float], list[float]]]]:
    """Milliseconds and a figure of each router, by milliseconds."""
    by_router: dict[str, list[tuple[float, float]]] = {}
    for point in points:
        value = point[figure]
        if value is None:
            continue
        router = point["router"]
        curve = by_router.setdefault(router, [])
        curve.append((point["ms"], value))
    for router, curve in by_router.items():
        curve.sort()
        ms, values = zip(*curve, strict=True)
        yield router, (list(ms), list(values))
