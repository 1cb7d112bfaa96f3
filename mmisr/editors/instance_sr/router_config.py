"""Routers by the names that configs give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mmisr.editors.instance_sr.budget import Budget
from mmisr.editors.instance_sr.labels import HARD, LabelRule
from mmisr.editors.instance_sr.routers import Edge, Fixed, FromBoxes, Learned, Random, Router


def build_router(config: str | dict[str, Any], rule: LabelRule | None = None) -> Router:
    """Build a router.

    Args:
        config: A name, ``fixed:k``, ``random:p`` (a share p of hard tokens, the others easy), or
            ``dict(type=name, **arguments)``. Names: ``learned``, ``oracle``, ``detector_prior``,
            ``edge``, ``fixed``, ``random``, ``all-hard``. ``learned`` takes ``budget``, a dict of
            :class:`Budget`'s fields.
        rule: How boxes make labels, for ``oracle`` and ``detector_prior``; the specification's by
            default.

    Returns:
        The router.

    Raises:
        ValueError: There is no such router, its value is not one, or a budget came with another
            router than ``learned``.
        TypeError: It does not take an argument given.

    Example:
        >>> build_router("fixed:1").exit
        1
        >>> build_router({"type": "learned", "budget": {"hard_share": 0.2}}).budget.hard_share
        0.2
    """
    arguments = {"type": config} if isinstance(config, str) else dict(config)
    spelling = str(arguments.pop("type", None))
    name, _, value = spelling.partition(":")
    rule = rule or LabelRule()
    known: dict[str, Callable[..., Router]] = {
        "learned": _learned,
        "oracle": lambda: FromBoxes("oracle", rule),
        "detector_prior": lambda: FromBoxes("detector_prior", rule),
        "edge": Edge,
        "fixed": Fixed,
        "random": Random,
        "all-hard": lambda: Fixed(HARD),
    }
    if name not in known:
        raise ValueError(f"router must be one of {sorted(known)}, got {config!r}")
    if "budget" in arguments and name != "learned":
        raise ValueError(
            f"a budget limits the router 'learned', got router={spelling!r}; others take `shares`"
        )
    if value:
        arguments |= _value(name, value)
    try:
        return known[name](**arguments)
    except TypeError as error:
        raise TypeError(f"router {name!r} was given {sorted(arguments)}: {error}") from error


def _learned(bias: float = 0.0, budget: Mapping[str, Any] | None = None) -> Learned:
    return Learned(bias, None if budget is None else Budget(**budget))


def _value(name: str, value: str) -> dict[str, Any]:
    """The argument behind a colon."""
    try:
        if name == "fixed":
            return {"exit": int(value)}
        if name == "random":
            return {"shares": (1 - float(value), 0.0, float(value))}
    except ValueError:
        pass
    raise ValueError(
        f"router {name!r} cannot take {value!r} after a colon; 'fixed:2' and 'random:0.3' can"
    )
