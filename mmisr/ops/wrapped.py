"""Data sets under wrappers.

The one place that knows how configs and built data sets hold others.
"""

from __future__ import annotations

from typing import Any


def parts_of(dataset: Any) -> list[Any]:
    """The data sets that hold annotations, under any number of wrappers.

    Wrappers repeat, concatenate, balance or mix data sets. One is known by what it holds,
    ``dataset``, or ``datasets`` where it has several; its class does not matter.

    Args:
        dataset: The config of a data set (a dict), or a built one.

    Returns:
        The innermost ones, in order; ``dataset`` alone where it is no wrapper.
    """
    wrapped = _wrapped(dataset)
    if wrapped is None:
        return [dataset]
    parts = []
    for inner in wrapped:
        parts.extend(parts_of(inner))
    return parts


def layers_of(dataset: Any) -> list[Any]:
    """A data set and all that lie in it, wrappers before what they hold.

    Args:
        dataset: As in :func:`parts_of`.
    """
    layers = [dataset]
    for inner in _wrapped(dataset) or ():
        layers.extend(layers_of(inner))
    return layers


def pipelines_of(dataset: Any) -> list[Any]:
    """The pipelines that pack samples.

    A wrapper's own, which comes after those inside, or those of its parts.

    Args:
        dataset: The config of a data set.

    Returns:
        One for each packing data set; an empty list where one has none.
    """
    pipeline = _get(dataset, "pipeline")
    wrapped = _wrapped(dataset)
    if pipeline or wrapped is None:
        return [pipeline or []]
    pipelines = []
    for inner in wrapped:
        pipelines.extend(pipelines_of(inner))
    return pipelines


def _wrapped(dataset: Any) -> list[Any] | None:
    """The data sets that one holds; None where it is no wrapper."""
    several = _get(dataset, "datasets")
    if isinstance(several, list | tuple):
        return list(several)
    single = _get(dataset, "dataset")
    return None if single is None else [single]


def _get(dataset: Any, name: str) -> Any:
    return dataset.get(name) if isinstance(dataset, dict) else getattr(dataset, name, None)
