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
SECTION = dict | None
SECTIONS = dict | list[dict] | None
TEXT = str | None

PARTS: dict[str, Any] = {
    "model": SECTION,
    "optim_wrapper": SECTION,
    "default_hooks": SECTION,
    "env_cfg": SECTION,
    "log_processor": SECTION,
    "visualizer": SECTION,
    "auto_scale_lr": SECTION,
    "randomness": SECTION,
    "tta_model": SECTION,
    **{f"{side}_cfg": SECTION for side in SIDES},
    **{f"{side}_dataloader": SECTION for side in SIDES},
    **{f"{side}_evaluator": SECTIONS for side in SIDES},
    "param_scheduler": SECTIONS,
    "custom_hooks": list[dict] | None,
    "default_scope": TEXT,
    "load_from": TEXT,
    "work_dir": TEXT,
    "resume": bool | None,
}
"""Kinds of the keys of a config that we read, as mmengine documents them."""


def config_name(cfg: Config) -> str:
    """What messages call a config: the name of its file.

    Args:
        cfg: Any config.
    """
    return Path(cfg.filename).name if cfg.filename else "(not from a file)"


def check_parts(cfg: Config) -> None:
    """See that a config's parts are of their kinds, before anything is built from them.

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
            name = node.get("type")
            if not isinstance(name, str) and not callable(name):
                raise ValueError(
                    f"{path}.type must be the name of a class, got {shown(name)}; name one"
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
            if owner is None:
                continue
            where = f"{path} ({owner.__name__})"
            check_types(owner, node, where)


@contextmanager
def _naming(cfg: Config) -> Iterator[None]:
    """Put the name of the config before the text of an error."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"config {config_name(cfg)}: {error}") from error


def _check(path: str, value: Any, kind: Any) -> None:
    if fits(value, kind):
        return
    rule = kind.__name__ if isinstance(kind, type) else str(kind)
    raise ValueError(f"{path} must be {rule}, got {shown(value)}; give it a value of that type")


def _parts(cfg: Config) -> Iterator[tuple[str, Any]]:
    """Where a class is built from a part of the config, and the part."""
    if cfg.get("model") is not None:
        yield "model", cfg.model
    for side in SIDES:
        loader = cfg.get(f"{side}_dataloader") or {}
        if "dataset" in loader:
            path = f"{side}_dataloader.dataset"
            yield from _datasets(loader["dataset"], path)
        path = f"{side}_evaluator"
        yield from _listed(cfg.get(path), path)
    yield from _listed(cfg.get("custom_hooks"), "custom_hooks")
    default_hooks = cfg.get("default_hooks") or {}
    for name, hook in default_hooks.items():
        if hook is not None:
            yield f"default_hooks.{name}", hook


def _datasets(dataset: Any, path: str) -> Iterator[tuple[str, Any]]:
    """A data set, what it wraps, and the transforms of each."""
    yield path, dataset
    if not isinstance(dataset, dict):
        return
    wrapped = dataset.get("dataset")
    # A data set that is built already is for its user to judge.
    if "dataset" in dataset and isinstance(wrapped, PLAIN):
        yield from _datasets(wrapped, f"{path}.dataset")
    several = dataset.get("datasets")
    if isinstance(several, list | tuple):
        for index, inner in enumerate(several):
            yield from _datasets(inner, f"{path}.datasets.{index}")
    pipeline = dataset.get("pipeline")
    # A list, or the path of each transform would say nothing.
    pipeline_path = f"{path}.pipeline"
    _check(pipeline_path, pipeline, list | None)
    yield from _listed(pipeline, pipeline_path)


def _listed(entries: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The entries of a list, or the only one where it is given without a list."""
    if isinstance(entries, list | tuple):
        for index, entry in enumerate(entries):
            if isinstance(entry, PLAIN):
                yield f"{path}.{index}", entry
    elif isinstance(entries, PLAIN) and entries:
        yield path, entries


def nodes_of(node: Any, path: str = "") -> Iterator[tuple[str, dict]]:
    """Every dict of a config with its dotted path, the whole first."""
    items: Any = ()
    if isinstance(node, dict):
        yield path, node
        items = node.items()
    elif isinstance(node, list | tuple):
        items = enumerate(node)
    for key, value in items:
        inner = f"{path}.{key}" if path else str(key)
        yield from nodes_of(value, inner)


def _own_class(name: Any) -> type | None:
    """Our class of this name, None for anybody else's."""
    if isinstance(name, type):
        return name if name.__module__.startswith("mmisr.") else None
    if not isinstance(name, str):
        return None
    scope, _, bare = name.rpartition(".")
    if not scope:  # mmengine looks such a name up in the default scope
        current = DefaultScope.get_current_instance()
        scope = current.scope_name if current else "mmisr"
    return _registered(bare) if scope == "mmisr" else None


def _registered(name: str) -> type | None:
    """What the first of our registries that knows the name has under it, where that is a class."""
    for registry in OURS:
        registry.import_from_location()
        member = registry.module_dict.get(name)
        if member is not None:
            return member if isinstance(member, type) else None
    return None
