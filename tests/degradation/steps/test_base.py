"""Names, checks, and steps from configs."""

import pytest

from mmisr.degradation.steps.base import build_steps, written
from mmisr.degradation.steps.blur import Blur, Filter
from mmisr.degradation.steps.codecs import JPEG
from mmisr.degradation.steps.resize import Resize
from mmisr.registry import DEGRADATIONS

CONFIGS = [
    {"type": "Blur", "sigma": [0.2, 3], "side": [7, 21]},
    {"type": "Resize", "mode": ["area", "bilinear"], "factor": [0.5, 1.5]},
    {"type": "mmisr.JPEG", "quality": (10, 100)},
]


def test_steps_from_a_config():
    blur, resize, jpeg = build_steps(CONFIGS)
    assert blur == Blur([0.2, 3], side=[7, 21])
    assert resize == Resize(["area", "bilinear"], factor=[0.5, 1.5])
    assert jpeg == JPEG((10, 100))
    assert build_steps(jpeg) == (jpeg,)
    assert build_steps(None) == build_steps([]) == ()


def test_a_name_states_kind_version_and_every_value():
    assert [step.name for step in build_steps(CONFIGS)] == [
        "Blur@1(sigma=0.2-3,shape=aniso,side=7-21,profile=gaussian,beta=1-1)",
        "Resize@1(mode=[area|bilinear],antialias=True,factor=0.5-1.5,size=none,of=image)",
        "JPEG@1(quality=10-100,subsampling=4:2:0,shift=0)",
    ]


def test_names_of_large_kernels_are_digests_that_tell_them_apart():
    def name(value: float) -> str:
        rows = [[0.0] * 5 for _ in range(5)]
        rows[0][0], rows[2][2] = value, 1 - value
        return Filter(rows).name

    assert len(name(0.25)) == len("Filter@1(kernel=)") + 12
    assert name(0.25) == name(0.25) != name(0.5)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (0.50, "0.5"),
        ("up", "up"),
        (3, "3"),
        (("a", "b", "c"), "[a|b|c]"),
        ((0.1, 0.9), "[0.1|0.9]"),
        ([(JPEG((9, 9)),), ()], "[[JPEG@1(quality=9-9,subsampling=4:2:0,shift=0)]|[]]"),
    ],
)
def test_written(value, text):
    assert written(value) == text


@pytest.mark.parametrize("config", [{"type": "Bluur"}, {"sigma": (1, 1)}, "Blur", [3]])
def test_what_is_no_step(config):
    with pytest.raises(ValueError, match=r"must be dict\(type=...\) with one of the types .*Blur"):
        build_steps(config)


def test_an_unknown_value_fails_by_name():
    with pytest.raises(TypeError, match="sigmas"):
        build_steps({"type": "Blur", "sigmas": (1, 2)})


def test_a_value_of_another_type():
    with pytest.raises(ValueError, match=r"step JPEG.quality must be .*got 30; give it a value of"):
        build_steps({"type": "JPEG", "quality": 30})


def test_every_kind_has_a_version():
    DEGRADATIONS.import_from_location()
    kinds = DEGRADATIONS.module_dict
    assert len(kinds) >= 13
    assert all(kind.version >= 1 for kind in kinds.values())
