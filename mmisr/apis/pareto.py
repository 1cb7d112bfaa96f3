"""What ``tools/analysis/pareto.py`` does.

Accuracy against milliseconds over the budget range, router by router.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from rich.console import Console

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
from mmisr.reports.plots import plot_curves
from mmisr.reports.speed import pareto_table

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
FIGURES = ("AP", "in-box PSNR")


@dataclass(frozen=True)
class Point:
    """One router at one budget.

    Args:
        router: ``learned``, ``random``, ``edge`` or ``oracle``; ``served``, the learned one with
            ``all_hard_if_faster``; or an end of the range, which has no router.
        share: Share of deep tokens that was asked for; None where nothing was asked.
        deep: Share of deep tokens, mean over the images.
        ap: AP of the pair.
        psnr_in_box: Mean over the images with boxes; None without HR.
        ms: Of SR alone, an image: median over rounds in which all points take turns.
        macs: Of SR alone, mean over the images, everything charged.
    """

    router: str
    share: float | None
    deep: float | None
    ap: float | None
    psnr_in_box: float | None
    ms: float
    macs: float


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
    """Measure the curve of accuracy against time that a budget moves along, and the curves of other routers.

    Args:
        config: Config of a pair with an InstanceSR editor.
        out: Folder of ``pareto.json``, ``pareto.png`` and ``pareto.md``; ``work_dirs/pareto/<config name>`` by default.
            Points that are in it are not evaluated again; times are measured anew.
        shares: Shares of deep tokens.
        images: So many images are timed.
        rounds: How often.
        device: Where to run; a GPU where there is one by default.
        cfg_options: Overrides by dotted key.

    Returns:
        ``points``; ``stages``, milliseconds an image of the learned router; ``pairs``, SR and detector together against
        other ways to use the same detector; ``meta``.

    Raises:
        ValueError: The config is no pair's, or its editor routes no tokens.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    loader = test_loader(cfg)
    setup = Setup(
        cfg,
        Path(out or f"work_dirs/pareto/{Path(config).stem}"),
        device=device or best_device(),
        pictures=False,
    )
    arms, pairs = _arms(cfg.model.editor.to_dict(), shares)
    runs = run_arms(
        setup, list({arm.name: arm for arm in [*arms.values(), *pairs]}.values()), loader
    )
    shared: dict[str, Any] = {}
    batches = [batch for batch, _ in zip(loader, range(images), strict=False)]
    built = {name: build_arm(setup, arm, shared) for name, arm in arms.items()}
    times = interleaved(
        {name: partial(_upscale, pair, batches) for name, pair in built.items()}, rounds
    )
    settings = settings_of(metric_of(cfg), loader, replicates=1)
    figures = {name: _figures(run, settings) for name, run in runs.items()}
    points = [
        asdict(_point(name, figures[arm.name], runs[arm.name], median(times[name]) / len(batches)))
        for name, arm in arms.items()
    ]
    whole = {arm.name: build_arm(setup, arm, shared) for arm in pairs}
    content = {
        "points": points,
        "stages": _stages(whole[arms["learned"].name], batches, rounds),
        "pairs": _pairs(whole, {name: f.AP for name, f in figures.items()}, batches, rounds),
        "meta": {**meta(cfg), "images timed": len(batches), "rounds": rounds},
    }
    _write(content, setup.folder)
    return content


def _write(content: dict[str, Any], folder: Path) -> None:
    """Write ``pareto.json``, ``pareto.md`` and ``pareto.png``, and print the table."""
    table = pareto_table(content)
    write_text(folder / "pareto.json", json.dumps(content, indent=2) + "\n")
    write_text(folder / "pareto.md", table + "\n")
    Console(width=120).print(table, markup=False)
    plot_curves(_panels(content["points"]), folder / "pareto.png", "SR milliseconds an image")


def _arms(editor: dict[str, Any], shares: Sequence[float]) -> tuple[dict[str, Arm], list[Arm]]:
    """The arms of the curves by name, and those whose pairs are timed as a whole."""
    known = named_arms(editor)
    own, *dense = editor_arms(editor)
    if not dense:
        raise ValueError(
            f"a budget moves an editor that routes tokens, and {editor['type']!r} does not"
        )
    run = dict(editor.get("execution") or {})
    arms = {
        "bicubic": known["bicubic"],
        "block_1_only": Arm("block_1_only", {**editor, "router": "fixed:0"}),
        "all_hard": dense[0],
        "learned": own,
        "served": Arm(
            "served",
            {**editor, "router": "learned", "execution": {**run, "all_hard_if_faster": True}},
        ),
        "oracle": Arm("oracle", {**editor, "router": "oracle"}),
    }
    for share in shares:
        limited = {
            **editor,
            "router": "learned",
            "execution": {**run, "budget": {"hard_share": share}},
        }
        arms[f"learned {share}"] = Arm(f"learned_{round(1000 * share)}", limited)
        for kind in ("random", "edge"):
            router = {"type": kind, "shares": [1 - share, 0.0, share]}
            arms[f"{kind} {share}"] = Arm(
                f"{kind}_{round(1000 * share)}", {**editor, "router": router}
            )
    return arms, [known["bicubic"], own, *dense, known["sliced"]]


def _figures(run: ArmRun, settings: Settings) -> ArmFigures:
    weights = np.ones((1, len(run.records)), dtype=np.int64)
    return arm_figures(run, sample_arm(run, None, settings, weights), settings)


def _point(name: str, figures: ArmFigures, run: ArmRun, ms: float) -> Point:
    router, _, share = name.partition(" ")
    easy = next(iter(figures.tokens.values()), None)  # the share of the first exit
    return Point(
        router=router,
        share=float(share) if share else None,
        deep=None if easy is None else 1 - easy,
        ap=figures.AP,
        psnr_in_box=figures.psnr["in_box"],
        ms=ms,
        macs=run.macs["upscale"],
    )


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
    """Median milliseconds an image and stage; ``upscale`` holds those of the editor."""
    _detect(pair, batches)
    timer = StageTimer()
    pair.timer = pair.editor.net.timer = timer
    for _ in range(rounds):
        for batch in batches:
            with timer.stage("preprocess"):
                data = pair.data_preprocessor(batch)
            with torch.inference_mode():
                pair.predict(data["inputs"], data["data_samples"])
    pair.timer = pair.editor.net.timer = NULL_TIMER
    return timer.medians()


def _pairs(
    pairs: Mapping[str, SRDetector],
    ap: Mapping[str, float | None],
    batches: Sequence[dict],
    rounds: int,
) -> dict[str, dict[str, float | None]]:
    """AP, milliseconds an image and images per second of whole pairs, which take turns."""
    times = interleaved(
        {name: partial(_detect, pair, batches) for name, pair in pairs.items()}, rounds
    )
    ms = {name: median(values) / len(batches) for name, values in times.items()}
    return {
        name: {"AP": ap[name], "ms": value, "images_per_s": 1000 / value}
        for name, value in ms.items()
    }


def _panels(
    points: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, tuple[list[float], list[float]]]]:
    return {
        title: dict(_curves(points, key))
        for title, key in zip(FIGURES, ("ap", "psnr_in_box"), strict=True)
    }


def _curves(
    points: Sequence[Mapping[str, Any]], key: str
) -> Iterator[tuple[str, tuple[list[float], list[float]]]]:
    for router in dict.fromkeys(p["router"] for p in points):
        known = sorted(
            (p["ms"], p[key]) for p in points if p["router"] == router and p[key] is not None
        )
        if known:
            yield router, ([ms for ms, _ in known], [value for _, value in known])
