"""Whatever a config makes anybody's code raise becomes one error that says which config, and where in it."""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from traceback import walk_tb
from types import FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar

from mmengine.config import Config
from torch import distributed

from mmisr.apis.config_types import nodes_of
from mmisr.apis.configs import find_config

P = ParamSpec("P")
R = TypeVar("R")
BARE = (
    *(KeyError, IndexError, TypeError, AttributeError, AssertionError, ValueError, RuntimeError),
    *(ZeroDivisionError, OverflowError, NotImplementedError, UnboundLocalError, RecursionError),
)
"""What code raises that was given something else than it expects.

Errors of a more telling type stay what they are.
"""

RAISE = dis.opmap["RAISE_VARARGS"]
MOST = 4
"""Places of a config that a message names.

Code that has more of them in its hands says nothing about any.
"""

LONGEST = 600
"""Characters of another library's message that are kept; some print whole configs."""


class ConfigError(ValueError):
    """A value of a config made the code that it was given to fail.

    The text says which config and where in it.

    What is raised is of the type of the first error too, so that who catches that one goes on to
    catch it.
    """

    __str__ = Exception.__str__  # a KeyError would quote its text

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return ConfigError, (str(self),)


def _of_type(kind: type[Exception]) -> type[ConfigError]:
    return (
        ConfigError if kind is ValueError else type(ConfigError.__name__, (ConfigError, kind), {})
    )


def names_config(door: Callable[P, R]) -> Callable[P, R]:
    """Let a function that takes a config as its first argument name it in every error.

    Errors that this project raises name what they are about and stay as they are, and so do those
    of processes that lost another one.

    Args:
        door: The function.
    """
    signature = inspect.signature(door)

    @functools.wraps(door)
    def named(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return door(*args, **kwargs)
        except BARE as error:
            if type(error) not in BARE or _is_ours(error) or _is_of_the_run(error):
                raise
            given = signature.bind_partial(*args, **kwargs).arguments
            config = next(value for key, value in given.items() if key != "self")
            raise _of_type(type(error))(_text(error, config, given.get("cfg_options"))) from error

    return named


def _text(error: Exception, config: Any, options: dict[str, Any] | None) -> str:
    cfg = _read(config, options)
    name = (cfg.filename if cfg else config) or "(not from a file)"
    place = None if cfg is None else place_of(error.__traceback__, cfg)
    message = str(error) or "no message"
    cut = message if len(message) <= LONGEST else f"{message[:LONGEST]}..."
    where = f"config {Path(str(name)).name}" + (f", {place}," if place else "")
    return f"{where} cannot be used: {type(error).__name__}: {cut}; check the values there"


def _read(config: Any, options: dict[str, Any] | None) -> Config | None:
    """The config as the door read it; None where reading it is what failed."""
    try:
        cfg = config.copy() if isinstance(config, Config) else Config.fromfile(find_config(config))
        cfg.merge_from_dict(options or {})
    except Exception:  # the error that is being told is the first one
        return None
    return cfg


def _is_ours(error: Exception) -> bool:
    """Whether a ``raise`` of this project made it, and not an operation that failed in its code."""
    frames = list(_frames(error.__traceback__))
    if not frames or not _module(frames[-1][0]).startswith("mmisr."):
        return False
    frame, place = frames[-1]
    return frame.f_code.co_code[place] == RAISE


def _is_of_the_run(error: Exception) -> bool:
    """Whether another process may have broken off: one of the run's, or one that loads data.

    No value of a config did it.
    """
    innermost = [_module(frame) for frame, _ in _frames(error.__traceback__)][-1]
    joined = distributed.is_available() and distributed.is_initialized()
    return type(error) is RuntimeError and (joined or innermost.startswith("torch.utils.data"))


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lasti
        traceback = traceback.tb_next


def place_of(traceback: TracebackType | None, cfg: Config) -> str | None:
    """Where in a config lies what failed.

    The innermost part of it that the failing code was made from or was reading.

    Args:
        traceback: Of the error.
        cfg: The config.

    Returns:
        Dotted keys with the class, e.g. ``model.detector.backbone (CSPDarknet)``; None where
        nothing is recognised.
    """
    nodes = [(path, node) for path, node in nodes_of(cfg._cfg_dict.to_dict()) if path]
    for frame, _ in reversed(list(walk_tb(traceback))):
        found = _built_from(frame, nodes) or _read_in(frame, nodes)
        if found:
            return found
    return None


def _built_from(frame: FrameType, nodes: list[tuple[str, dict]]) -> str | None:
    """The parts of the config whose class's method this is."""
    owner = frame.f_locals.get("self")
    name = type(owner).__name__
    places = [path for path, node in nodes if owner is not None and _class_name(node) == name]
    return _told(places, name)


def _told(places: list[str], name: str) -> str | None:
    """Places as a message names them; so many are none."""
    return " or ".join(places) + (f" ({name})" if name else "") if 0 < len(places) <= MOST else None


def _read_in(frame: FrameType, nodes: list[tuple[str, dict]]) -> str | None:
    """The part of the config that this code has in its hands."""
    plain = [value for value in frame.f_locals.values() if isinstance(value, dict) and value]
    places = [path for path, node in nodes if node and any(_same(node, value) for value in plain)]
    outer = [path for path in places if not any(path.startswith(f"{other}.") for other in places)]
    return _told(outer, _class_name(dict(nodes)[outer[0]])) if outer else None


def _class_name(node: dict) -> str:
    kind = node.get("type")
    return (
        kind.__name__
        if isinstance(kind, type)
        else str(kind).rpartition(".")[2]
        if kind is not None
        else ""
    )


def _same(node: dict, value: dict) -> bool:
    try:
        return bool(node == value)
    except Exception:  # arrays have no one truth
        return False
