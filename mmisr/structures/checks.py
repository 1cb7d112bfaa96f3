"""Argument checks that several modules share; each message gives the rule and what was received."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from torch import Tensor

PLAIN = (NoneType, bool, int, float, str, bytes, list, tuple, set, dict)
"""What a config file is written in.

Other objects (paths, arrays, modules) are for their users to judge.
"""

SHOWN = 80
"""Characters of a wrong value that a message shows."""


def check_hw(hw: tuple[int, ...], name: str = "hw") -> tuple[int, int]:
    """See that a size is two whole numbers of at least 1.

    Args:
        hw: Height and width in pixels.
        name: Name of the argument, for the message.

    Returns:
        The same as integers.

    Raises:
        ValueError: It is not.
    """
    if len(hw) != 2 or not all(int(side) == side and side >= 1 for side in hw):
        raise ValueError(f"{name} must be (height, width), two whole numbers >= 1, got {tuple(hw)}")
    return int(hw[0]), int(hw[1])


def check_xyxy(xyxy: Tensor, name: str = "xyxy") -> Tensor:
    """See that boxes are an (N, 4) tensor; N may be 0.

    Args:
        xyxy: The boxes.
        name: Name of the argument, for the message.

    Returns:
        The same tensor.

    Raises:
        TypeError: It is no tensor.
        ValueError: It has another shape.
    """
    if not isinstance(xyxy, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor of shape (N, 4), got {type(xyxy).__name__}")
    if xyxy.ndim != 2 or xyxy.shape[1] != 4:
        raise ValueError(f"{name} must have shape (N, 4), got {tuple(xyxy.shape)}")
    return xyxy


def check_image_batch(image: Tensor, name: str = "lr") -> Tensor:
    """See that images are a floating-point (B, 3, H, W) batch with no empty axis.

    Args:
        image: The batch.
        name: Name of the argument, for the message.

    Returns:
        The same tensor.

    Raises:
        TypeError: It is no tensor, or not floating point.
        ValueError: It has another shape.
    """
    if not isinstance(image, Tensor):
        raise TypeError(
            f"{name} must be a torch.Tensor of shape (B, 3, H, W), got {type(image).__name__}"
        )
    if image.ndim != 4 or image.shape[1] != 3 or 0 in image.shape:
        raise ValueError(
            f"{name} must have shape (B, 3, H, W) with no empty axis, got {tuple(image.shape)}"
        )
    if not image.is_floating_point():
        raise TypeError(
            f"{name} must be floating point in [0, 1], got {image.dtype}; divide 8-bit pixels by "
            f"255"
        )
    return image


def check_types(owner: type, values: Mapping[str, Any], name: str) -> None:
    """See that arguments are of the types that a class writes down for them.

    Otherwise they would fail in its arithmetic, far from the config that they stand in.

    Args:
        owner: A class; its constructor's annotations are the rule. Arguments without one are not
            looked at.
        values: Arguments by name.
        name: Name of the owner in messages, e.g. ``handoff.resize``.

    Raises:
        ValueError: A value is of another type; True and False are no numbers.
    """
    constructor = owner.__init__  # type: ignore[misc]
    hints = get_type_hints(constructor)
    written = inspect.get_annotations(constructor)
    for key, value in values.items():
        if key in hints and not fits(value, hints[key]):
            raise ValueError(
                f"{name}.{key} must be {written[key]}, got {shown(value)}; give it a value of that "
                f"type"
            )


def check_fields(instance: Any, name: str) -> None:
    """The same for a dataclass that was just made, in its ``__post_init__``.

    Args:
        instance: The object.
        name: Its name in messages.

    Raises:
        ValueError: As :func:`check_types`.
    """
    check_types(type(instance), vars(instance), name)


def keep_integers(instance: Any, *names: str) -> None:
    """Make whole floats, which :func:`check_fields` lets pass, the integers that they stand for.

    Args:
        instance: A dataclass that was just made; frozen ones too.
        names: Fields that hold whole numbers.

    Example:
        >>> from types import SimpleNamespace
        >>> tiles = SimpleNamespace(size=512.0)
        >>> keep_integers(tiles, "size")
        >>> tiles.size
        512
    """
    for name in names:
        whole = int(getattr(instance, name))
        object.__setattr__(instance, name, whole)


def shown(value: Any) -> str:
    """A value as a message shows it: short.

    Args:
        value: Any object.
    """
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def fits(value: Any, hint: Any) -> bool:
    """Whether a value of a config is what an annotation says.

    Whole floats pass for whole numbers and lists for tuples, because configs are written so;
    objects that are not plain data pass always.

    Args:
        value: The value.
        hint: The annotation, resolved.

    Example:
        >>> fits([1, 2.0], tuple[int, int]), fits("1", int | None)
        (True, False)
    """
    origin = get_origin(hint)
    inner = get_args(hint)
    if origin in (Union, UnionType):
        return any(fits(value, choice) for choice in inner)
    if origin is Literal:
        # Which of them it must be, the owner says in its own words.
        return type(value) in map(type, inner)
    if not isinstance(value, PLAIN):
        return True
    if hint in SCALARS:
        return SCALARS[hint](value)
    kind = origin or hint
    if not isinstance(kind, type):
        return True
    if issubclass(kind, Mapping):
        return isinstance(value, dict) and _values_fit(value, inner)
    if issubclass(kind, Sequence):
        return isinstance(value, list | tuple) and _items_fit(value, kind, inner)
    return True


def _values_fit(value: dict[Any, Any], inner: tuple[Any, ...]) -> bool:
    return not inner or all(fits(item, inner[1]) for item in value.values())


def _items_fit(value: Sequence[Any], kind: type, inner: tuple[Any, ...]) -> bool:
    if not inner:
        return True
    if issubclass(kind, tuple) and Ellipsis not in inner:
        as_many = len(value) == len(inner)
        return as_many and all(map(fits, value, inner))
    return all(fits(item, inner[0]) for item in value)


def _whole(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())


SCALARS = {
    NoneType: lambda value: value is None,
    bool: lambda value: isinstance(value, bool) or value in (0, 1),
    int: _whole,
    float: lambda value: isinstance(value, Real) and not isinstance(value, bool),
    str: lambda value: isinstance(value, str),
}


def check_not_negative(owner: str, values: Mapping[str, float]) -> None:
    """See that numbers, weights of losses say, are not below 0.

    Args:
        owner: What messages call the one whose arguments they are, e.g. ``strategy Joint``.
        values: Arguments by name.

    Raises:
        ValueError: One is below 0.
    """
    for name, value in values.items():
        if value < 0:
            raise ValueError(f"{owner}: {name} must be >= 0, got {value}")
