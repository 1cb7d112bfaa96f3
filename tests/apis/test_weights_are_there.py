"""Every tool that measures, exports or trains on says when the weights are not there."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmisr.apis import SRDetInferencer
from mmisr.apis.checks import check_start
from mmisr.apis.compare import compare
from mmisr.apis.export import export_sr
from mmisr.apis.test import test as run_test

ROOT = Path(__file__).parents[2]
PAIR = ROOT / "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
EDITOR = ROOT / "configs/instance_sr/instance-sr-nano-x4_tree-crowns.py"


@pytest.fixture
def bare(tree_crops, monkeypatch):
    """The config of a pair that names no weights."""
    monkeypatch.chdir(ROOT)
    config = Config.fromfile(PAIR)
    config.merge_from_dict(tree_crops)
    config.model.pop("checkpoints", None)
    config.model.editor.pop("checkpoint", None)
    return config


DOORS = {
    "test": lambda config, out: run_test(config, work_dir=str(out)),
    "compare": lambda config, out: compare(config, ["bicubic", "instance_sr"], out, device="cpu"),
    "export": lambda config, out: export_sr(config, out),
    "infer": lambda config, out: SRDetInferencer(config, device="cpu"),
}


@pytest.mark.parametrize("door", DOORS)
def test_random_weights_are_not_measured(bare, tmp_path, door):
    with pytest.raises(
        ValueError,
        match=r"names no weights \(checkpoints\.(editor|detector).*give the file that training wrote",
    ):
        DOORS[door](bare, tmp_path / "out")
    assert not list((tmp_path / "out").glob("arms/*"))


def test_an_editor_without_weights_is_not_exported(tree_crops, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = Config.fromfile(EDITOR)
    config.merge_from_dict({k: v for k, v in tree_crops.items() if k.startswith("test_dataloader")})
    config.model.checkpoint = None
    with pytest.raises(ValueError, match=r"names no weights \(checkpoint\)"):
        export_sr(config, tmp_path / "out")


def two_layers():
    return nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})


def test_a_start_of_which_nothing_fits(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"state_dict": {"x.weight": torch.zeros(2, 2), "a.weight": torch.zeros(3, 3)}}, path)
    with pytest.raises(
        ValueError,
        match=r"load_from=.*other\.pth has nothing for ModuleDict: none of its 2 weights \(x\.weight, ",
    ):
        check_start(two_layers(), str(path))


@pytest.fixture
def said(monkeypatch):
    """The warnings."""
    lines: list[str] = []
    monkeypatch.setattr(
        "mmisr.openmmlab.loading.print_log", lambda text, logger, level: lines.append(text)
    )
    return lines


def test_a_start_that_fits_in_part_is_named(tmp_path, said):
    path = tmp_path / "part.pth"
    torch.save({"state_dict": {"a.weight": torch.zeros(2, 2)}}, path)
    check_start(two_layers(), str(path))
    (line,) = said
    assert (
        "fits in part: 1 of 4 weights are loaded, 3 start as initialised (a.bias, b.weight, b.bias)"
        in line
    )


def test_a_start_that_fits_is_quiet(tmp_path, said):
    path = tmp_path / "whole.pth"
    torch.save(two_layers().state_dict(), path)
    check_start(two_layers(), str(path))
    assert not said
