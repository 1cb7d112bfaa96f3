"""Fixed networks that a module uses and that are no part of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


class HoldsOut(nn.Module):
    """A module that may keep fixed networks, such as a teacher, beside itself.

    Example:
        >>> class Taught(HoldsOut):
        ...     pass
        >>> module = Taught()
        >>> module.hold_out("teacher", nn.Linear(2, 2))
        >>> len(list(module.parameters())), module.train().teacher.training
        (0, False)
    """

    def hold_out(self, name: str, network: nn.Module) -> None:
        """Keep a fixed network as an attribute that is no part of the module.

        It follows the module to its device, and is in evaluation for good; it is in no checkpoint
        and no optimiser. Gradients pass through it.

        Args:
            name: Name of the attribute.
            network: The network, which is frozen here.
        """
        network.requires_grad_(False)
        # mmdet's backbones return nothing from it.
        network.eval()
        self.__dict__[name] = network
        self.__dict__.setdefault("_held_out", set()).add(name)

    def _apply(self, fn: Callable, recurse: bool = True) -> Any:
        for name in self.__dict__.get("_held_out", ()):
            self.__dict__[name]._apply(fn)
        return super()._apply(fn, recurse)
