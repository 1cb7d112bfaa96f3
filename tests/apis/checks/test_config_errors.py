"""Whatever is wrong in a config, the error says which config and where in it."""

import pickle

import pytest
import torch
from mmengine.config import Config
from torch import distributed

from mmisr.apis.checks.config_errors import ConfigError, names_config
from mmisr.apis.configs import read_config
from mmisr.apis.models import init_model
from mmisr.datasets.images import ImageError
from mmisr.registry import MODELS


@names_config
def build(config, cfg_options=None):
    return MODELS.build(read_config(config, cfg_options=cfg_options).model)


@pytest.fixture
def pair(tmp_path, detector_config):
    path = tmp_path / "my_pair.py"
    editor = {"type": "mmisr.Resample", "scale": 2}
    Config(
        {"model": {"type": "mmisr.SRDetector", "editor": editor, "detector": detector_config}}
    ).dump(path)
    return path


WRONG = [
    (
        "model.detector.backbone.deepen_factor",
        "x",
        r"model\.detector\.backbone \(CSPDarknet\), cannot be used: TypeError",
    ),
    (
        "model.detector.neck.unknown",
        5,
        r"model\.detector\.neck \(YOLOXPAFPN\), .*unexpected keyword argument 'unknown'",
    ),
    (
        "model.detector.bbox_head.type",
        "Nothing",
        r"model\.detector \(YOLOX\), .*Nothing is not in the",
    ),
    ("model.editor.scale", "2", r"model\.editor \(Resample\)\.scale must be int, got '2'"),
    ("model.editor.scale", True, r"model\.editor \(Resample\)\.scale must be int, got True"),
    ("model.handoff", [1], r"model \(SRDetector\)\.handoff must be dict \| None, got \[1\]"),
    (
        "model.handoff",
        {"resize": {"factor": "x"}},
        r"handoff\.resize\.factor must be float, got 'x'",
    ),
    (
        "model.handoff",
        {"resize": {"size": 5}},
        r"model\.handoff\.resize, cannot .*unexpected keyword argument 'size'",
    ),
    ("model", [], r"my_pair\.py: model must be dict \| None, got \[\]"),
    ("model.type", 5, r"model\.type must be the name of a class, got 5"),
    ("custom_hooks", {}, r"custom_hooks must be list\[dict\] \| None, got \{\}"),
    ("custom_hooks", [{}], r"custom_hooks\.0\.type must be the name of a class, got None"),
    (
        "test_dataloader",
        {"dataset": {"type": "x", "pipeline": [5]}},
        r"test_dataloader\.dataset\.pipeline\.0 must be dict",
    ),
    ("default_scope", 5, r"default_scope must be str \| None, got 5"),
]


@pytest.mark.parametrize(("key", "value", "text"), WRONG)
def test_the_place_is_named(pair, key, value, text):
    with pytest.raises(ValueError, match=text) as caught:
        build(pair, cfg_options={key: value})
    if "handoff.resize.factor" not in str(
        caught.value
    ):  # where our own classes refuse, they name themselves
        assert "config my_pair.py" in str(caught.value)


def test_the_whole_is_built(pair):
    assert build(pair).editor.info.scale == 2


def fail(error):
    @names_config
    def door(config):
        raise error

    return door


def test_a_config_that_is_given_stays_as_it_is(pair):
    given = Config.fromfile(pair)
    read = read_config(given, cfg_options={"model.editor.scale": 4})
    assert (given.model.editor.scale, read.model.editor.scale) == (2, 4)
    read.model.detector.backbone.pop("deepen_factor")
    assert "deepen_factor" in given.model.detector.backbone
    assert read.filename == given.filename


def test_errors_that_name_themselves_stay(pair):
    with pytest.raises(
        ConfigError,
        match=r"config my_pair\.py cannot be used: KeyError: 'a'; check the values there",
    ) as caught:
        fail(KeyError("a"))(pair)
    assert isinstance(caught.value.__cause__, KeyError)
    assert isinstance(caught.value, KeyError), "who catches that one goes on to"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    for error in (
        RuntimeError("a"),
        AttributeError("a"),
        TypeError("a"),
        RecursionError("a"),
        UnboundLocalError("a"),
    ):
        with pytest.raises(type(error), match=r"config my_pair\.py cannot be used"):
            fail(error)(pair)
    for error in (FileNotFoundError("x"), ImageError("y"), KeyboardInterrupt(), MemoryError()):
        with pytest.raises(type(error)) as kept:
            fail(error)(pair)
        assert kept.value is error
    with pytest.raises(ValueError, match=r"^config my_pair\.py has no test_dataloader\.dataset"):
        init_model(pair)


def test_another_process_that_breaks_off_is_no_fault_of_the_config(pair, tmp_path):
    """gloo says so by a bare RuntimeError, in a collective call or in a backward pass."""

    @names_config
    def lost(config):
        torch.zeros(2).view(3)  # a RuntimeError of another library's

    with pytest.raises(ConfigError, match="my_pair.py cannot be used: RuntimeError"):
        lost(pair)
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1
    )
    try:
        with pytest.raises(RuntimeError, match="^shape") as caught:
            lost(pair)
        assert not isinstance(caught.value, ConfigError)
    finally:
        distributed.destroy_process_group()
