"""What hooks and schedulers watch must be there, before hours are spent on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.registry import METRICS, find

PLATEAU = "ReduceOnPlateau"
"""How the names of mmengine's schedulers begin that watch a figure."""

SIMILARITY = 0.3
"""From 0 to 1; a known name that is at least so similar to a wrong one is proposed."""


def check_monitors(cfg: Config) -> None:
    """See that hooks and schedulers watch figures that the validation gives.

    That is ``save_best``, early stopping and plateau schedulers. A plateau scheduler on a figure of
    ours without a ``rule`` gets ``greater``; mmengine's own default is ``less``. Where no other
    metric gives them, mmdet's names (``coco/bbox_mAP``) are replaced by ours for the same figures.

    Args:
        cfg: A training config; changed in place where a rule is missing or a name is mmdet's.

    Raises:
        ValueError: A name is none of those that the metrics give.
    """
    metrics, num_others = _metrics(cfg)
    if not metrics:
        return
    if not num_others:
        _translate(cfg, metrics)
    names = [name for metric in metrics for name in metric.figure_names()]
    for where, figure, entry in _watched(cfg):
        if figure in names:
            if where.startswith("param_scheduler"):
                entry.setdefault("rule", "greater")
        elif not _may_come(figure, names, metrics, num_others):
            raise ValueError(_unknown(where, figure, names))


def _may_come(
    figure: str, names: Sequence[str], metrics: Sequence[SizeBinnedCocoMetric], num_others: int
) -> bool:
    """Whether a figure that is not among the names may be given all the same."""
    if figure == "auto":
        return True
    prefix = figure.split("/")[0]
    prefixes = {name.split("/")[0] for name in names}
    if num_others and prefix not in prefixes:
        return True  # another metric's, whose names are not known before it has run
    if "/AP_class_" not in figure:
        return False
    return any(metric.classwise for metric in metrics)


def _unknown(where: str, figure: str, names: Sequence[str]) -> str:
    close = get_close_matches(figure, names, 1, SIMILARITY)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    listed = ", ".join(names)
    return (
        f"{where} watches {figure!r}, which the validation does not give{hint} There are {listed}"
    )


def _translate(cfg: Config, metrics: Sequence[SizeBinnedCocoMetric]) -> None:
    """Replace mmdet's names by ours for the same figures, and say so."""
    ours: dict[str, str] = {}
    for metric in metrics:
        ours |= metric.mmdet_names()
    for where, figure, entry in list(_watched(cfg)):
        if figure not in ours:
            continue
        name = ours[figure]
        field = where.rpartition(".")[2]
        watched = entry[field]
        if isinstance(watched, str):
            entry[field] = name
        else:
            entry[field] = [ours.get(other, other) for other in watched]
        print_log(f"{where}: {figure} is {name} here", logger="current")


def _metrics(cfg: Config) -> tuple[list[SizeBinnedCocoMetric], int]:
    """Our metrics of boxes, built to ask them for their figures, and how many others there are."""
    evaluators = cfg.get("val_evaluator") or []
    if not isinstance(evaluators, (list, tuple)):
        evaluators = [evaluators]
    metrics = []
    for entry in evaluators:
        kind = find(METRICS, entry["type"])
        if kind is not SizeBinnedCocoMetric:
            continue
        # Without its file, which a metric that only tells names must not write.
        arguments = {**entry, "records_file": None}
        metrics.append(METRICS.build(arguments))
    return metrics, len(evaluators) - len(metrics)


def _watched(cfg: Config) -> Iterator[tuple[str, str, Any]]:
    """Where a figure is watched, its name, and the entry of the config."""
    for location, hook in _hooks(cfg):
        for field in ("save_best", "monitor"):
            value = hook.get(field) or []
            figures = [value] if isinstance(value, str) else value
            for figure in figures:
                yield f"{location}.{field}", figure, hook
    schedulers = cfg.get("param_scheduler") or []
    if not isinstance(schedulers, list):
        schedulers = [schedulers]
    for index, entry in enumerate(schedulers):
        kind = str(entry.get("type"))
        if PLATEAU in kind and "monitor" in entry:
            where = f"param_scheduler.{index}.monitor"
            yield where, entry["monitor"], entry


def _hooks(cfg: Config) -> Iterator[tuple[str, Any]]:
    """Where a hook stands in the config, and its arguments."""
    defaults = cfg.get("default_hooks") or {}
    customs = cfg.get("custom_hooks") or []
    for name, hook in defaults.items():
        location = f"default_hooks.{name}"
        yield location, hook or {}
    for index, hook in enumerate(customs):
        location = f"custom_hooks.{index}"
        yield location, hook or {}
