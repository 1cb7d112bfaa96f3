"""Data sets under wrappers.

The one place that knows how configs and built data sets hold others.
"""

from __future__ import annotations

from typing import Any


def parts_of(dataset: Any) -> list[Any]:
    """The data sets that hold annotations, under any number of wrappers that repeat, concatenate, balance or mix them.

    A wrapper is known by what it holds: ``dataset``, or ``datasets`` where it has several; its class does not matter.

    Args:
        dataset: The config of a data set (a dict), or a built one.

    Returns:
        The innermost ones, in order; ``dataset`` alone where it is no wrapper.
    """
    several, single = _get(dataset, "datasets"), _get(dataset, "dataset")
    if isinstance(several, list | tuple):
        return [part for inner in several for part in parts_of(inner)]
    return [dataset] if single is None else parts_of(single)


def layers_of(dataset: Any) -> list[Any]:
    """A data set and all that lie in it, wrappers before what they hold.

    Args:
        dataset: As in :func:`parts_of`.
    """
    several, single = _get(dataset, "datasets"), _get(dataset, "dataset")
    inner = several if isinstance(several, list | tuple) else [] if single is None else [single]
    return [dataset, *(layer for part in inner for layer in layers_of(part))]


def pipelines_of(dataset: Any) -> list[Any]:
    """The pipelines that pack samples.

    A wrapper's own, which comes after those inside, or those of its parts.

    Args:
        dataset: The config of a data set.

    Returns:
        One for each packing data set; an empty list where one has none.
    """
    own = _get(dataset, "pipeline")
    several, single = _get(dataset, "datasets"), _get(dataset, "dataset")
    if own or (several is None and single is None):
        return [own or []]
    return [found for inner in (several or [single]) for found in pipelines_of(inner)]


def _get(dataset: Any, name: str) -> Any:
    return dataset.get(name) if isinstance(dataset, dict) else getattr(dataset, name, None)
