"""The ``execution`` of a config: one settings object for each class that computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mmisr.editors.instance_sr.engine.planner import Planning
from mmisr.editors.instance_sr.engine.sparse import Running
from mmisr.structures.checks import check_fields


@dataclass(frozen=True)
class Execution:
    """How an image is computed.

    Args:
        planning: Settings of the planner.
        running: Settings of the sparse decoder.
        all_hard_if_faster: Whether an image of which a dense pass is faster than windows gets one,
            after which all its tokens leave by the deepest exit chosen in it: sooner, and by more
            of the network. Images too small for the encoder to pay then go all hard without it.
            This overrules the encoder alone: not other routers, not budgets of tokens or MACs, and
            no partition but ``auto``. Off, every token leaves by the exit chosen for it.

    Raises:
        ValueError: ``all_hard_if_faster`` is no switch.
    """

    planning: Planning = Planning()
    running: Running = Running()
    all_hard_if_faster: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "InstanceSR.execution")


def read_execution(config: Mapping[str, Any]) -> Execution:
    """Read the flat dict of a config.

    Args:
        config: Fields of :class:`Planning` and :class:`Running`, and ``all_hard_if_faster``.

    Raises:
        ValueError: A value is out of range.
        TypeError: An unknown key.

    Example:
        >>> read_execution({"halo": 2, "compile": True}).planning.halo
        2
    """
    rest = dict(config)
    planning = Planning(**_taken(rest, Planning))
    running = Running(**_taken(rest, Running))
    return Execution(planning=planning, running=running, **rest)


def _taken(config: dict[str, Any], settings: type) -> dict[str, Any]:
    """The fields of a settings class, taken out of a config."""
    taken = {}
    for field in fields(settings):
        if field.name in config:
            taken[field.name] = config.pop(field.name)
    return taken
