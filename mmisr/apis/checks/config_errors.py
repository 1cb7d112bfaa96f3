"""Whatever a config makes anybody's code raise says which config it was, and where in it."""

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

from mmisr.apis.checks.config_types import nodes_of
from mmisr.apis.configs import find_config
from mmisr.registry import bare_name

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
"""So many places of a config are named in a message; code that touches more says nothing of any."""

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
    """The class of a :class:`ConfigError` that is also an error of this type."""
    if kind is ValueError:
        return ConfigError
    return type(ConfigError.__name__, (ConfigError, kind), {})


def names_config(door: Callable[P, R]) -> Callable[P, R]:
    """Let a function that takes a config as its first argument name it in every error.

    Errors that this project raises name what they are about and stay as they are, and so do those
    of processes that lost another one.

    Args:
        door: The function; its overrides by dotted key, where it takes any, are ``cfg_options``.
    """
    signature = inspect.signature(door)

    @functools.wraps(door)
    def named(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return door(*args, **kwargs)
        except BARE as error:
            kind = type(error)
            if kind not in BARE or _is_ours(error) or _is_of_the_run(error):
                raise
            given = dict(signature.bind_partial(*args, **kwargs).arguments)
            given.pop("self", None)  # of a method
            config = next(iter(given.values()))
            text = _text(error, config, given.get("cfg_options"))
            raise _of_type(kind)(text) from error

    return named


def _text(error: Exception, config: Any, options: dict[str, Any] | None) -> str:
    cfg = _read(config, options)
    given = cfg.filename if cfg else config
    name = str(given or "(not from a file)")
    where = f"config {Path(name).name}"
    location = None if cfg is None else location_of(error.__traceback__, cfg)
    if location:
        where += f", {location},"
    message = str(error) or "no message"
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]}..."
    kind = type(error).__name__
    return f"{where} cannot be used: {kind}: {message}; check the values there"


def _read(config: Any, options: dict[str, Any] | None) -> Config | None:
    """The config as the door read it; None where reading it is what failed."""
    try:
        is_read = isinstance(config, Config)
        cfg = config.copy() if is_read else Config.fromfile(find_config(config))
        cfg.merge_from_dict(options or {})
    except Exception:  # the error that is being told is the first one
        return None
    return cfg


def _is_ours(error: Exception) -> bool:
    """Whether a ``raise`` of this project made it, and not an operation that failed in its code."""
    frames = list(_frames(error.__traceback__))
    if not frames:
        return False
    frame, instruction = frames[-1]
    if not _module(frame).startswith("mmisr."):
        return False
    code = frame.f_code.co_code
    return code[instruction] == RAISE


def _is_of_the_run(error: Exception) -> bool:
    """Whether another process may have broken off: one of the run's, or one that loads data.

    No value of a config did it.
    """
    if type(error) is not RuntimeError:
        return False
    if distributed.is_available() and distributed.is_initialized():
        return True
    innermost, _ = list(_frames(error.__traceback__))[-1]
    return _module(innermost).startswith("torch.utils.data")


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    """The frames of a traceback, outermost first, each with its instruction that failed."""
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lasti
        traceback = traceback.tb_next


def location_of(traceback: TracebackType | None, cfg: Config) -> str | None:
    """Where in a config lies what failed.

    It is the innermost part that the failing code was made from or was reading.

    Args:
        traceback: The traceback of the error.
        cfg: The config that was used.

    Returns:
        Dotted keys with the class, e.g. ``model.detector.backbone (CSPDarknet)``; None where
        nothing is recognised.
    """
    whole = cfg._cfg_dict.to_dict()
    nodes = [(path, node) for path, node in nodes_of(whole) if path]
    frames = [frame for frame, _ in walk_tb(traceback)]
    frames.reverse()  # innermost first
    for frame in frames:
        location = _built_from(frame, nodes) or _read_in(frame, nodes)
        if location:
            return location
    return None


def _built_from(frame: FrameType, nodes: list[tuple[str, dict]]) -> str | None:
    """The parts of the config whose class's method this is."""
    owner = frame.f_locals.get("self")
    if owner is None:
        return None
    name = type(owner).__name__
    paths = [path for path, node in nodes if _class_name(node) == name]
    return _told(paths, name)


def _told(paths: list[str], name: str) -> str | None:
    """Places as a message names them; none, and too many, are not told."""
    if not 0 < len(paths) <= MOST:
        return None
    listed = " or ".join(paths)
    return f"{listed} ({name})" if name else listed


def _read_in(frame: FrameType, nodes: list[tuple[str, dict]]) -> str | None:
    """The part of the config that this code has in its hands."""
    locals_ = frame.f_locals.values()
    dicts = [value for value in locals_ if isinstance(value, dict) and value]
    paths: list[str] = []
    for path, node in nodes:
        if not node or not _is_among(node, dicts):
            continue
        # A part of a part that the code holds says nothing more.
        if not any(path.startswith(f"{outer}.") for outer in paths):
            paths.append(path)
    if not paths:
        return None
    outermost = dict(nodes)[paths[0]]
    return _told(paths, _class_name(outermost))


def _is_among(node: dict, values: list[dict]) -> bool:
    return any(_same(node, value) for value in values)


def _class_name(node: dict) -> str:
    kind = node.get("type")
    return "" if kind is None else bare_name(kind)


def _same(node: dict, value: dict) -> bool:
    try:
        return bool(node == value)
    except Exception:  # arrays have no one truth
        return False
