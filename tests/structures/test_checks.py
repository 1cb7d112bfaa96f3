"""Arguments of the types that their classes write down."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from mmisr.structures.checks import check_fields, check_types, fits

GOOD = [
    *(
        (1, int),
        (2.0, int),
        (np.int64(3), int),
        (1, float),
        (math.inf, float),
        (True, bool),
        (1, bool),
        ("x", str),
    ),
    *(
        (None, int | None),
        (3, int | None),
        (Path("x"), str),
        ([1, 2], tuple[int, int]),
        ((1, 2), list[int]),
    ),
    *(
        ((1, 2, 3), tuple[int, ...]),
        ([1, "x"], Sequence),
        ({"a": 1}, dict[str, int]),
        ({}, dict),
        ("b", Literal["a"]),
    ),
    *((5, Any), ({"type": "x"}, Path), (np.zeros(2), dict)),
]
BAD = [
    *(
        (True, int),
        (2.5, int),
        ("1", int),
        (None, int),
        (False, float),
        ("0.5", float),
        (2, bool),
        ("no", bool),
        (5, str),
    ),
    *(
        ([1, 2.5], tuple[int, int]),
        ([1, 2, 3], tuple[int, int]),
        ("ab", list[str]),
        (["a", 5], list[str]),
    ),
    *(
        ({"a": "b"}, dict[str, int]),
        ([], dict),
        (5, Literal["a"]),
        ("x", int | None),
        (math.nan, int),
    ),
]


@pytest.mark.parametrize(("value", "hint"), GOOD)
def test_fits(value, hint):
    assert fits(value, hint)


@pytest.mark.parametrize(("value", "hint"), BAD)
def test_does_not_fit(value, hint):
    assert not fits(value, hint)


@dataclass
class Sized:
    size: tuple[int, int] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        check_fields(self, "thing.sized")


def test_the_message_has_name_rule_and_value():
    assert Sized([1, 2]).size == [1, 2]
    with pytest.raises(
        ValueError,
        match=r"thing\.sized\.size must be tuple\[int, int\] \| None, got 'x'; give it a value",
    ):
        Sized("x")
    with pytest.raises(
        ValueError, match=r"model\.name must be <class 'str'>|model\.name must be str, got 5"
    ):
        check_types(Sized, {"name": 5, "other": 1}, "model")
