"""Docstrings as the reference wants them.

Sphinx's roles, :class:`SRDetector`, become links, an example becomes code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|data|func|meth|mod):`~?([\w.]+)`")
EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Rewrite docstrings once the whole package is read.

    A role whose target is not ours becomes code.
    """

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Rewrite the docstrings of a package."""
        for obj in _objects(pkg):
            if obj.docstring is not None:
                text = EXAMPLE.sub("Examples:", obj.docstring.value)
                obj.docstring.value = ROLE.sub(partial(_link, obj), text)


def _objects(parent: griffe.Object) -> Iterator[griffe.Object]:
    """An object and everything that it defines."""
    yield parent
    for member in parent.members.values():
        if isinstance(member, griffe.Object):
            yield from _objects(member)


def _link(obj: griffe.Object, role: re.Match[str]) -> str:
    """The name in a role as a link to what it means where the docstring stands."""
    name = role[1]
    if name.startswith("mmisr."):
        path = name
    elif name in obj.all_members:
        path = f"{obj.path}.{name}"
    else:
        try:
            path = obj.resolve(name)
        except griffe.NameResolutionError:
            path = ""
    return f"[`{name}`][{path}]" if _is_shown(obj, path) else f"`{name}`"


def _is_shown(obj: griffe.Object, path: str) -> bool:
    """Whether the reference has an entry of this path.

    An object of the package, public, with a docstring.
    """
    root, _, inner = path.partition(".")
    if root != obj.package.path or not inner or re.search(r"\._(?!_call__)", path):
        return False
    try:
        return obj.package[inner].has_docstring
    except KeyError:  # a name of configs, mmisr.SRDetector
        return False
