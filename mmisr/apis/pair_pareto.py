"""What ``tools/analysis/pair_pareto.py`` does: AP against milliseconds of whole pairs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from mmisr.analysis.comparison.arms import Arm
from mmisr.analysis.comparison.figures import ArmFigures
from mmisr.analysis.comparison.named_arms import IDENTITY, editor_arms, named_arms
from mmisr.analysis.comparison.result import ArmRun
from mmisr.analysis.comparison.run import Setup, build_arm, metric_of, run_arms, settings_of
from mmisr.analysis.facts import meta
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.compare import best_device, test_loader
from mmisr.apis.configs import read_config
from mmisr.apis.pareto import figures_of, ms_of_pairs
from mmisr.ops.files import write_text
from mmisr.registry import MODELS
from mmisr.reports.plots import plot_curves
from mmisr.reports.speed import pair_table
from mmisr.structures.editor_info import with_budget

SCHEMA = 1
"""Of ``pair_pareto.json``; raised when a key changes its meaning."""

SHARES = (0.05, 0.1, 0.2, 0.3)
SLICES = (2, 3)
PARTS = (0.5, 0.75, 1.0)
"""Sizes of the detector's input, over that which SR gives it."""


@dataclass(frozen=True)
class Way:
    """One way to spend a pair's time.

    Args:
        family: What it is a variant of; a curve of the plot.
        arm: What is evaluated and timed.
    """

    family: str
    arm: Arm


@dataclass(frozen=True)
class PairPoint:
    """One way, measured.

    Args:
        family: What it is a variant of.
        name: Its own name.
        ap: AP.
        recall: Share of the objects whose centre is searched; None where everything is.
        area: Share of the frame that cores cover; None where everything is searched.
        ms: Milliseconds of the pair per image: median over rounds in which all take turns.
        macs: MACs of the pair, mean over the images.
    """

    family: str
    name: str
    ap: float | None
    recall: float | None
    area: float | None
    ms: float
    macs: float


@names_config
def pair_pareto(
    config: str,
    checkpoint: str | None = None,
    out: str | None = None,
    shares: Sequence[float] = SHARES,
    images: int = 10,
    rounds: int = 5,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure AP against milliseconds of whole pairs: windows, frames, slices, sizes of the input.

    Args:
        config: Config of a pair; its ``test_cfg.windows`` say how windows are laid and by whom.
        checkpoint: Weights of the pair; None for those that the config names.
        out: Folder of ``pair_pareto.json``, ``.png`` and ``.md``; ``work_dirs/pair_pareto/<config
            name>`` by default. Ways that are in it are not evaluated again; times are measured
            anew.
        shares: Shares of the tokens that windows are laid over, beside what the router itself
            chooses.
        images: Number of images that are timed.
        rounds: Number of rounds in which they are.
        device: Where to run; a GPU where there is one by default.
        cfg_options: Overrides by dotted key.

    Returns:
        ``points`` and ``meta``.

    Raises:
        ValueError: The config is no pair's.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    loader = test_loader(cfg)
    folder = Path(out or f"work_dirs/pair_pareto/{Path(config).stem}")
    setup = Setup(
        cfg=cfg,
        folder=folder,
        checkpoint=checkpoint,
        device=device or best_device(),
        pictures=False,
    )
    ways = ways_of(cfg.model.to_dict(), shares)
    points = _measured(setup, ways, loader, images, rounds)
    about = {**meta(cfg), "images timed": images, "rounds": rounds}
    content = {"schema": SCHEMA, "points": [asdict(point) for point in points], "meta": about}
    _write(content, folder)
    return content


def ways_of(model: Mapping[str, Any], shares: Sequence[float]) -> list[Way]:
    """All that a pair is compared with.

    Args:
        model: The ``model`` of its config.
        shares: Shares of the tokens that windows are laid over.
    """
    editor = model["editor"]
    known = named_arms(editor)
    scale = float(MODELS.build(editor).info.scale)
    families = {
        "bicubic": [known["bicubic"]],
        "whole frames": editor_arms(editor),
        "input size": [_input(part, scale) for part in PARTS],
        "sliced": [_sliced(count, scale) for count in SLICES],
        "windows": _windows(model, shares),
    }
    ways = []
    for family, arms in families.items():
        of_family = [Way(family, arm) for arm in arms]
        ways.extend(of_family)
    return ways


def _input(part: float, scale: float) -> Arm:
    """LR enlarged as mmdet's Resize does, to a part of the size that SR gives."""
    resize = {"factor": scale * part}
    return Arm(f"input_{part:g}", IDENTITY, handoff={"resize": resize})


def _sliced(count: int, scale: float) -> Arm:
    """LR in ``count`` slices an axis, each enlarged."""
    handoff = {"resize": {"factor": scale}}
    slices = {"per_axis": count}
    return Arm(f"sliced_{count}x{count}", IDENTITY, handoff=handoff, slices=slices)


def _windows(model: Mapping[str, Any], shares: Sequence[float]) -> list[Arm]:
    """Windows as the config has them, and over shares of the tokens."""
    editor = dict(model["editor"])
    test_cfg = model.get("test_cfg") or {}
    windows = test_cfg.get("windows") or {}
    arms = [Arm("windows", editor, windows=windows)]
    for share in shares:
        per_mille = round(1000 * share)
        routed_editor, budgeted = _at_share(editor, windows, share)
        arm = Arm(f"windows_{per_mille}", routed_editor, windows=budgeted)
        arms.append(arm)
    return arms


def _at_share(
    editor: dict[str, Any], windows: dict[str, Any], share: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Editor and windows, with a budget for whoever of them routes."""
    routed = with_budget("learned", {"hard_share": share})
    router = windows.get("router")
    if router is None:
        return {**editor, "router": routed}, windows
    budgeted = {**router, "router": routed}
    return editor, {**windows, "router": budgeted}


def _measured(
    setup: Setup, ways: Sequence[Way], loader: DataLoader, images: int, rounds: int
) -> list[PairPoint]:
    """Evaluate all ways on all images, and time them on some."""
    arms = [way.arm for way in ways]
    runs = run_arms(setup, arms, loader)
    metric = metric_of(setup.cfg)
    settings = settings_of(metric, loader, replicates=1)
    shared: dict[str, Any] = {}
    pairs = {}
    for arm in arms:
        pairs[arm.name] = build_arm(setup, arm, shared)
    timed = itertools.islice(loader, images)
    batches = list(timed)
    ms = ms_of_pairs(pairs, batches, rounds)
    points = []
    for way in ways:
        name = way.arm.name
        run = runs[name]
        figures = figures_of(run, settings)
        point = _point(way, figures, ms[name], run)
        points.append(point)
    return points


def _point(way: Way, figures: ArmFigures, ms: float, run: ArmRun) -> PairPoint:
    in_windows = way.arm.windows is not None
    recall = figures.object_recall.get("all")
    return PairPoint(
        family=way.family,
        name=way.arm.name,
        ap=figures.AP,
        recall=recall if in_windows else None,
        area=figures.searched_area if in_windows else None,
        ms=ms,
        macs=sum(run.macs.values()),
    )


def _write(content: dict[str, Any], folder: Path) -> None:
    """Write ``pair_pareto.json``, ``pair_pareto.md`` and ``pair_pareto.png``."""
    text = json.dumps(content, indent=2)
    write_text(folder / "pair_pareto.json", f"{text}\n")
    table = pair_table(content["points"])
    write_text(folder / "pair_pareto.md", f"{table}\n")
    picture = folder / "pair_pareto.png"
    panels = {"AP": _curves(content["points"])}
    plot_curves(panels, picture, "milliseconds of the pair an image")


def _curves(points: Sequence[Mapping[str, Any]]) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds and AP of each family, soonest first."""
    curves: dict[str, tuple[list[float], list[float]]] = {}
    soonest_first = sorted(points, key=lambda point: point["ms"])
    for point in soonest_first:
        if point["ap"] is None:
            continue
        family = point["family"]
        ms, ap = curves.setdefault(family, ([], []))
        ms.append(point["ms"])
        ap.append(point["ap"])
    return curves
