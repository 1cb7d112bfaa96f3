"""What hooks and schedulers watch must be there, before hours are spent on it."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.registry import METRICS, find

PLATEAU = "ReduceOnPlateau"
"""How the names of mmengine's schedulers begin that watch a figure."""


def check_monitors(cfg: Config) -> None:
    """See that what ``save_best``, early stopping and plateau schedulers watch is a figure of the validation.

    A plateau scheduler on a figure of ours without a ``rule`` gets ``greater``; mmengine's own default is ``less``. Where no other
    metric gives them, mmdet's names (``coco/bbox_mAP``) are replaced by ours for the same figures.

    Args:
        cfg: A training config; changed in place where a rule is missing or a name is mmdet's.

    Raises:
        ValueError: A name is none of those that the metrics give.
    """
    metrics = _metrics(cfg)
    ours = [m for m in metrics if isinstance(m, SizeBinnedCocoMetric)]
    names = [name for metric in ours for name in metric.figure_names()]
    if len(ours) == len(metrics):
        _translate(
            cfg, {theirs: own for metric in ours for theirs, own in metric.mmdet_names().items()}
        )
    for where, key, entry in _watched(cfg):
        if key == "auto" or not ours or key in names:
            if where.startswith("param_scheduler") and key in names:
                entry.setdefault("rule", "greater")
            continue
        family = {name.split("/")[0] for name in names}
        if len(ours) < len(metrics) and key.split("/")[0] not in family:
            continue  # a figure of another metric, whose names are not known before it has run
        if any(metric.classwise for metric in ours) and "/AP_class_" in key:
            continue
        close = get_close_matches(key, names, 1, 0.3)
        raise ValueError(
            f"{where} watches {key!r}, which the validation does not give"
            + (f"; did you mean {close[0]!r}?" if close else ";")
            + f" There are {', '.join(names)}"
        )


def _translate(cfg: Config, names: dict[str, str]) -> None:
    for where, key, entry in list(_watched(cfg)):
        if key in names:
            field = where.rpartition(".")[2]
            value = entry[field]
            entry[field] = (
                names[key] if isinstance(value, str) else [names.get(v, v) for v in value]
            )
            print_log(f"{where}: {key} is {names[key]} here", logger="current")


def _metrics(cfg: Config) -> list[Any]:
    evaluators = cfg.get("val_evaluator") or []
    listed = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    mine = [find(METRICS, e["type"]) is SizeBinnedCocoMetric for e in listed]
    return [
        METRICS.build({**e, "records_file": None}) if own else e["type"]
        for e, own in zip(listed, mine, strict=True)
    ]


def _watched(cfg: Config) -> Iterator[tuple[str, str, Any]]:
    """Where a figure is watched, its name, and the entry of the config."""
    hooks = [
        (f"default_hooks.{name}", hook) for name, hook in (cfg.get("default_hooks") or {}).items()
    ]
    hooks += [
        (f"custom_hooks.{index}", hook) for index, hook in enumerate(cfg.get("custom_hooks") or [])
    ]
    for where, hook in hooks:
        for field in ("save_best", "monitor"):
            value = (hook or {}).get(field)
            for key in [value] if isinstance(value, str) else value or []:
                yield f"{where}.{field}", key, hook
    schedulers = cfg.get("param_scheduler") or []
    for index, entry in enumerate(schedulers if isinstance(schedulers, list) else [schedulers]):
        if PLATEAU in str(entry.get("type")) and "monitor" in entry:
            yield f"param_scheduler.{index}.monitor", entry["monitor"], entry
