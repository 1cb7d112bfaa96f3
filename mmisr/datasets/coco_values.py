"""What one value of a COCO file means.

Text is read as the number that it spells, and what could mean two things is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from reprlib import Repr
from typing import Any

LARGEST = 1e15
"""No pixel, area or count is larger; beyond it whole numbers have no exact float."""

NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?", re.ASCII)
WHOLE = re.compile(r"-?\d{1,30}", re.ASCII)

FLAGS = {"0": 0, "false": 0, "no": 0, "0.0": 0, "1": 1, "true": 1, "yes": 1, "1.0": 1}
"""What is written for a flag where there is text; ``bool("0")`` would be true."""

_short = Repr()
_short.maxstring = _short.maxother = _short.maxlong = 80
_short.maxdict = 8


def is_ignored(annotation: dict[str, Any]) -> bool:
    """Whether an annotation of a COCO file counts neither as a hit nor as a miss.

    Example:
        >>> is_ignored({"iscrowd": 0, "ignore": 1})
        True
    """
    return bool(annotation.get("iscrowd") or annotation.get("ignore"))


def shown(value: Any) -> str:
    """A value for a message: short, however long or deep it is."""
    return _short.repr(value)


def number(value: Any) -> float:
    """A finite number, or text that spells one; whole ones stay whole.

    Example:
        >>> number(" 1e2 "), number("17")
        (100.0, 17)

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, str):
        text = value.strip()
        if not NUMBER.fullmatch(text):
            raise ValueError("no number")
        value = int(text) if WHOLE.fullmatch(text) else float(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("no finite number")
    if not abs(value) <= LARGEST:  # so written, because NaN is not <= either
        raise ValueError("no finite number")
    return value


def numbers(values: Any) -> list[float]:
    """A list of finite numbers.

    Raises:
        ValueError: It is no list, or something in it is no number.
    """
    if not isinstance(values, (list, tuple)):
        raise ValueError("no list")
    return [number(value) for value in values]


def box_numbers(xywh: Any) -> list[float] | None:
    """The four numbers of a box, or None where they are not four numbers."""
    try:
        values = numbers(xywh)
    except ValueError:
        return None
    return values if len(values) == 4 else None


def side(value: Any) -> int:
    """A side of an image in pixels.

    Raises:
        ValueError: It is no whole number from 1 on.
    """
    return _whole(value, 1)


def index(value: Any) -> int:
    """A place in a sequence, from 0 on.

    Raises:
        ValueError: It is no whole number from 0 on.
    """
    return _whole(value, 0)


def _whole(value: Any, least: int) -> int:
    """A whole number from ``least`` on, or a ValueError."""
    found = number(value)
    if found < least or found != int(found):
        raise ValueError(f"no whole number from {least} on")
    return int(found)


def flag(value: Any) -> int:
    """0 or 1; ``false``, ``"0"`` and ``"false"`` are 0.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(value, str):
        spelled = value.strip().lower()
        value = FLAGS.get(spelled)
    if not isinstance(value, (int, float)) or value not in (0, 1):
        raise ValueError("no flag")
    return int(value)


def identifier(value: Any) -> int | str:
    """An id: a whole number, or text.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError("no id")
    if value == "":
        raise ValueError("no id")
    return value


def as_listed(value: int | str, ids: set[int | str]) -> int | str | None:
    """An id as the list of ids has it: 17 for ``"17"``, or the other way round.

    None where the list has it in no form.

    Example:
        >>> as_listed("17", {16, 17})
        17
    """
    if value in ids:
        return value
    other: int | str
    if isinstance(value, int):
        other = str(value)
    elif WHOLE.fullmatch(value):
        other = int(value)
    else:
        return None
    return other if other in ids else None


def text(value: Any) -> str:
    """Text that is not empty.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError("no text")
    return value


def file_name(value: Any) -> str:
    """Text that can be the name of a file.

    Raises:
        ValueError: It cannot.
    """
    name = text(value)
    name.encode("utf-8", "surrogateescape")  # half of a surrogate pair is text in JSON, and no name
    if "\0" in name:
        raise ValueError("a zero byte")
    return name


def some(shown_ones: Sequence[str], count: int) -> str:
    """The first few of many, and how many more there are."""
    more = f" and {count - len(shown_ones)} more" if count > len(shown_ones) else ""
    return "; ".join(shown_ones) + more
