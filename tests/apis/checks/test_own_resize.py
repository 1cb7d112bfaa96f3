"""The size that a detector's own config feeds it.

A pair that drops it says so once, and otherwise nothing.
"""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmisr.apis.checks.own_resize import dropped_resize
from mmisr.apis.configs import read_config
from mmisr.openmmlab.testing import ImageResize
from mmisr.pipeline.handoff import Resize

ROOT = Path(__file__).parents[3]
OWN_PIPELINE = (
    'test_pipeline = [dict(type="LoadImageFromFile"), {step}, dict(type="PackDetInputs")]\n'
)
DETECTOR = (
    'default_scope = "mmdet"\nmodel = dict(type="GFL", num=1)\n'
    + OWN_PIPELINE
    + "test_dataloader = dict("
    'dataset=dict(type="CocoDataset", pipeline=test_pipeline))\n'
)
PAIR = """
_base_ = [{base!r}]
custom_imports = dict(imports=["mmisr.registry"], allow_failed_imports=False)
model = dict(
    _delete_=True,
    type="mmisr.SRDetector",
    editor=dict(type="mmisr.Resample", scale=4),
    detector=_base_.model,
    {more}
)
{name} = [
    dict(type="mmisr.LoadImage"),
    {step}
    dict(type="mmisr.SimulateLR", scale=4),
    dict(type="mmisr.PackSRDetInputs"),
]
test_dataloader = dict(dataset=dict(type="mmisr.SRCocoDataset", pipeline={name}))
"""
RESIZE = 'dict(type="Resize", scale=(600, 400), keep_ratio=True)'


@pytest.fixture
def pair(tmp_path):
    """Writes the config of a pair on a base, and reads it."""

    def write(base: str, more: str = "", step: str = "", name: str = "test_pipeline") -> Config:
        path = tmp_path / "pair.py"
        path.write_text(PAIR.format(base=base, more=more, step=step, name=name))
        return read_config(path)

    return write


@pytest.fixture
def detector(tmp_path):
    """Writes the plain config of a detector with a step in its test pipeline."""

    def write(step: str = RESIZE) -> str:
        (tmp_path / "detector.py").write_text(DETECTOR.format(step=step))
        return "detector.py"

    return write


@pytest.mark.parametrize(
    ("base", "line", "name"),
    [
        ("mmdet::yolox/yolox_tiny_8xb8-300e_coco.py", "scale=(416, 416)", "test_pipeline"),
        ("mmdet::retinanet/retinanet_r50_fpn_1x_coco.py", "scale=(1333, 800)", "mine"),
    ],
)
def test_mmdets_own(pair, base, line, name):
    said = dropped_resize(pair(base, name=name))
    assert base in said
    assert f"write model=dict(handoff=dict(resize=dict({line})))" in said
    assert "handoff=dict(resize=dict(factor=1.0)) says so" in said


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (RESIZE, "scale=(600, 400)"),
        ('dict(type="FixScaleResize", scale=(800, 1333), keep_ratio=True)', "scale=(800, 1333)"),
        ('dict(type="mmdet.FixShapeResize", width=600, height=400)', "scale=(600, 400)"),
        ('dict(type="Resize", scale_factor=2.0)', "factor=2.0"),
        ('dict(type="Resize", scale_factor=1.0)', None),
        ('dict(type="RandomFlip", prob=0.5)', None),
        ('dict(type="NoSuchStep")', None),
        ('dict(type="Resize", no_such_key=1)', None),
        ("dict()", None),
    ],
)
def test_ones_own_detector(pair, detector, step, line):
    said = dropped_resize(pair(detector(step)))
    assert said is None if line is None else f"resize=dict({line})" in said


@pytest.mark.parametrize("value", ["dict(factor=1.0)", "dict(scale=(600, 400))"])
def test_nothing_is_said_where_the_handoff_says(pair, detector, value):
    assert dropped_resize(pair(detector(), f"handoff=dict(resize={value})")) is None


@pytest.mark.parametrize("broken", [None, {}, "prototype"])
def test_a_broken_detector_is_for_others_to_name(pair, detector, broken):
    cfg = pair(detector())
    cfg.model.detector = broken
    assert dropped_resize(cfg) is None


def test_nothing_is_said_where_the_pair_resizes(pair, detector):
    assert dropped_resize(pair(detector(), step=f"{RESIZE},")) is None


def test_nothing_is_said_of_a_base_that_is_not_the_detectors(pair, detector):
    assert (
        dropped_resize(pair(detector(), 'other=1) | dict(detector=dict(type="mmdet.ATSS")')) is None
    )
    assert (
        dropped_resize(read_config(Path(pair(detector()).filename).with_name("detector.py")))
        is None
    )


def test_a_base_of_a_base(pair, detector, tmp_path):
    pair(detector())
    (tmp_path / "further.py").write_text(
        '_base_ = ["pair.py"]\nmodel = dict(editor=dict(mode="bilinear"))\n'
    )
    assert "(detector.py)" in dropped_resize(read_config(tmp_path / "further.py"))


def test_a_dump_still_knows_unless_the_name_was_taken(pair, detector, tmp_path):
    pair(detector(), name="mine").dump(tmp_path / "dump.py")
    assert "scale=(600, 400)" in dropped_resize(read_config(tmp_path / "dump.py"))
    pair(detector()).dump(tmp_path / "taken.py")
    assert dropped_resize(read_config(tmp_path / "taken.py")) is None


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs").rglob("*x4_*.py")), ids=lambda path: path.stem
)
def test_the_projects_own_configs_say_what_they_mean(path, project_config):
    assert dropped_resize(project_config(path)) is None


@pytest.mark.parametrize(
    ("scale", "hw", "expected"),
    [
        ((600, 400), (100, 100), (400, 400)),
        ((1333, 800), (100, 300), (444, 1333)),
        ((416, 416), (448, 300), (416, 279)),
    ],
)
def test_the_line_gives_the_size_of_the_step(scale, hw, expected):
    step = ImageResize(scale=scale, keep_ratio=True)
    found = step({"img": np.zeros((*hw, 3), np.uint8)})["img"].shape[:2]
    assert Resize(scale=scale).target_hw(*hw) == found == expected
