"""The task gain of a real pair on real trees, from the tool to its files."""

import json
from pathlib import Path

import pytest

from mmisr.apis.task_gain import task_gain

ROOT = Path(__file__).parents[2]
CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
PLAIN = "configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


@pytest.fixture
def options(tree_crowns, monkeypatch):
    monkeypatch.chdir(ROOT)  # the config names its checkpoints from there
    return {
        "train_dataloader.dataset.dataset.data_root": f"{tree_crowns}/",
        "train_dataloader.batch_size": 2,
        "train_dataloader.num_workers": 0,
        "train_dataloader.persistent_workers": False,
    }


def test_the_first_order_gain_is_what_a_token_saves(options, tmp_path):
    result = task_gain(
        CONFIG, shares=(0.2, 0.1), batches=4, tokens=8, out=str(tmp_path), cfg_options=options
    )
    content = json.loads((tmp_path / "task_gain.json").read_text())
    assert content["schema"] == 1
    assert content["thresholds"] == result.thresholds
    assert 0 < result.thresholds[0] < result.thresholds[1]
    assert result.tokens == 8 * 64
    assert 0.1 < result.hurt < 0.9
    assert result.tried == 8
    assert result.correlation > 0.5
    assert (tmp_path / "task_gain.png").stat().st_size > 20_000


def test_an_editor_that_routes_nothing_is_named(options, tmp_path):
    with pytest.raises(ValueError, match="the task gain needs an editor that routes tokens"):
        task_gain(PLAIN, batches=1, out=str(tmp_path), cfg_options=options)
