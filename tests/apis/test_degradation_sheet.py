"""The sheet of degradations: what it shows, of what, and where."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmisr.apis.configs import read_config
from mmisr.apis.degradation_sheet import HEIGHT, SIDE, browse_degradations, cut_out, degraded_panels
from mmisr.degradation.corruptions import CORRUPTIONS
from mmisr.degradation.mixes import MIXES
from mmisr.registry import DATASETS
from mmisr.reports.pictures import GAP, TITLE, Panel, sheet

ROOT = Path(__file__).parents[2]
CONFIG = "configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


@pytest.fixture
def packed(tree_crowns, monkeypatch) -> dict:
    monkeypatch.chdir(ROOT)
    return DATASETS.build(read_config(CONFIG).test_dataloader.dataset)[1]


def test_every_mix_and_corruption_is_shown_of_the_same_place(packed):
    panels = {panel.title: panel.image for panel in degraded_panels(cut_out(packed))}
    assert list(panels) == [
        "HR",
        "LR of the config, x4",
        *MIXES,
        *(f"{name} 3" for name in CORRUPTIONS),
    ]
    hr = panels.pop("HR").astype(float)
    assert hr.shape == (4 * SIDE, 4 * SIDE, 3)
    small = hr.reshape(SIDE, 4, SIDE, 4, 3).mean((1, 3))
    for title, image in panels.items():
        assert image.shape == (SIDE, SIDE, 3), title
        likeness = np.corrcoef(image.astype(float).ravel(), small.ravel())[0, 1]
        elsewhere = np.corrcoef(image[::-1].astype(float).ravel(), small.ravel())[0, 1]
        assert likeness > max(0.3, elsewhere), title
    lr = panels["LR of the config, x4"]
    assert all((image != lr).any() for title, image in panels.items() if "LR" not in title)


def test_it_lies_around_an_object(packed):
    cutout = cut_out(packed)
    x1, y1, x2, y2 = packed["data_samples"].gt_instances.bboxes[0].tolist()
    row, column = int((y1 + y2) / 8), int((x1 + x2) / 8)
    pixel = packed["inputs"][:, row, column]
    shown = torch.from_numpy(cutout.shown(cutout.lr))
    assert (shown == pixel).all(-1).any()


def test_native_lr_has_corruptions_alone(packed):
    del packed["data_samples"].hr
    titles = [panel.title for panel in degraded_panels(cut_out(packed))]
    assert titles == ["LR of the config, x1", *(f"{name} 3" for name in CORRUPTIONS)]


def test_what_is_too_small_is_a_dark_panel(packed):
    packed["inputs"] = packed["inputs"][:, :3, :3]
    del packed["data_samples"].hr
    panels = {panel.title: panel.image for panel in degraded_panels(cut_out(packed))}
    assert not panels["defocus 3: too small"].any()
    assert panels["jpeg 3"].any()


def test_the_tool_writes_one_picture(tree_crowns, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    words = [CONFIG, "--split", "test", "--degradations", "--count", "1"]
    monkeypatch.setattr(sys, "argv", ["tool", *words, "--output-dir", str(tmp_path)])
    runpy.run_path(str(ROOT / "tools/analysis/browse_dataset.py"), run_name="__main__")
    [path] = tmp_path.iterdir()
    assert str(path) in capsys.readouterr().out
    with Image.open(path) as picture:
        assert picture.height == 2 * (HEIGHT + TITLE + GAP)
        assert picture.width == 8 * (HEIGHT + GAP) + GAP


def test_what_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ValueError, match="has no val_dataloader; choose another split"):
        browse_degradations(CONFIG, str(tmp_path), "val", cfg_options={"val_dataloader": None})
    with pytest.raises(ValueError, match=r"sheet\(\) needs at least one row of panels, got none"):
        sheet([], 10)
    grey = Panel("a", np.full((4, 4, 3), 90, np.uint8))
    whole = sheet([[grey, grey], [grey]], 40)
    assert whole.size == (2 * (40 + GAP) + GAP, 2 * (40 + TITLE + GAP))
