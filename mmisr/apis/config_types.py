"""What every value of a config must be, as far as we know it.

The parts of a run, and the arguments of our own classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmisr.registry import DATASETS, HOOKS, METRICS, MODELS, STRATEGIES, TRANSFORMS
from mmisr.structures.checks import PLAIN, check_types, fits, shown

OURS = (MODELS, STRATEGIES, DATASETS, TRANSFORMS, METRICS, HOOKS)
SIDES = ("train", "val", "test")
PARTS: dict[str, Any] = {
    **dict.fromkeys(
        ("model", "optim_wrapper", "default_hooks", "env_cfg", "log_processor", "visualizer"),
        dict | None,
    ),
    **dict.fromkeys(
        ("auto_scale_lr", "randomness", "tta_model", *(f"{side}_cfg" for side in SIDES)),
        dict | None,
    ),
    **dict.fromkeys((f"{side}_dataloader" for side in SIDES), dict | None),
    **dict.fromkeys((f"{side}_evaluator" for side in SIDES), dict | list[dict] | None),
    "param_scheduler": dict | list[dict] | None,
    "custom_hooks": list[dict] | None,
    **dict.fromkeys(("default_scope", "load_from", "work_dir"), str | None),
    "resume": bool | None,
}
"""Kinds of the keys of a config that we read, as mmengine documents them."""


def check_parts(cfg: Config) -> None:
    """See that a config's parts are of the kinds that they must be, before anything is built from them.

    Args:
        cfg: Any config. Keys that are not those of a run are left alone.

    Raises:
        ValueError: A part is of another kind; the text names config, key, rule and value.
    """
    with _naming(cfg):
        for key, kind in PARTS.items():
            _check(key, cfg.get(key), kind)
        for path, node in _parts(cfg):
            _check(path, node, dict)
            if not isinstance(node.get("type"), str) and not callable(node.get("type")):
                raise ValueError(
                    f"{path}.type must be the name of a class, got {shown(node.get('type'))}; name "
                    f"one"
                )


def check_arguments(cfg: Config) -> None:
    """See that the arguments of our own classes are of the types that these say.

    Args:
        cfg: Any config, whose default scope is active.

    Raises:
        ValueError: One is of another type; the text names config, key, rule and value.
    """
    with _naming(cfg):
        for path, node in nodes_of(cfg._cfg_dict):
            owner = _own_class(node.get("type"))
            if owner is not None:
                check_types(owner, node, f"{path} ({owner.__name__})")


@contextmanager
def _naming(cfg: Config) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        name = Path(cfg.filename).name if cfg.filename else "(not from a file)"
        raise ValueError(f"config {name}: {error}") from error


def _check(path: str, value: Any, kind: Any) -> None:
    if not fits(value, kind):
        names = kind.__name__ if isinstance(kind, type) else str(kind)
        raise ValueError(
            f"{path} must be {names}, got {shown(value)}; give it a value of that type"
        )


def _parts(cfg: Config) -> Iterator[tuple[str, Any]]:
    """What a class is built from, with its place."""
    if cfg.get("model") is not None:
        yield "model", cfg.model
    for side in SIDES:
        loader = cfg.get(f"{side}_dataloader") or {}
        if "dataset" in loader:
            yield from _datasets(loader["dataset"], f"{side}_dataloader.dataset")
        yield from _listed(cfg.get(f"{side}_evaluator"), f"{side}_evaluator")
    yield from _listed(cfg.get("custom_hooks"), "custom_hooks")
    hooks = (cfg.get("default_hooks") or {}).items()
    yield from ((f"default_hooks.{name}", hook) for name, hook in hooks if hook is not None)


def _datasets(dataset: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, dataset
    if not isinstance(dataset, dict):
        return
    if isinstance(dataset.get("dataset"), PLAIN) and "dataset" in dataset:
        yield from _datasets(dataset["dataset"], f"{path}.dataset")
    inner = dataset.get("datasets")
    for index, part in enumerate(inner if isinstance(inner, list | tuple) else []):
        yield from _datasets(part, f"{path}.datasets.{index}")
    pipeline = dataset.get("pipeline")
    _check(f"{path}.pipeline", pipeline, list | None)
    yield from _listed(pipeline, f"{path}.pipeline")


def _listed(entries: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(entries, list | tuple):
        yield from (
            (f"{path}.{index}", entry)
            for index, entry in enumerate(entries)
            if isinstance(entry, PLAIN)
        )
    elif isinstance(entries, PLAIN) and entries:
        yield path, entries


def nodes_of(node: Any, path: str = "") -> Iterator[tuple[str, dict]]:
    """Every dict of a config with its dotted path, the whole first."""
    if isinstance(node, dict):
        yield path, node
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list | tuple)
        else ()
    )
    for key, value in items:
        yield from nodes_of(value, f"{path}.{key}" if path else str(key))


def _own_class(name: Any) -> type | None:
    """Our class of this name, None for anybody else's."""
    if isinstance(name, type):
        return name if name.__module__.startswith("mmisr.") else None
    scope, _, bare = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    current = DefaultScope.get_current_instance()
    if not bare or (scope or (current.scope_name if current else "mmisr")) != "mmisr":
        return None
    for registry in OURS:
        registry.import_from_location()
        found = registry.module_dict.get(bare)
        if found is not None:
            return found if isinstance(found, type) else None
    return None
