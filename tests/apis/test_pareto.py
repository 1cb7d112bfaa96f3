"""The curves over the budget range.

Every point is evaluated once and timed, and routers differ as they should.
"""

import json
from pathlib import Path

import pytest

from mmisr.apis.pareto import pareto

ROOT = Path(__file__).parents[2]
CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
PLAIN = "configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


def test_points_pairs_and_stages(tree_crops, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)  # the config names its checkpoints from there
    options = {**tree_crops, "test_dataloader.dataset.indices": 2}
    content = pareto(
        CONFIG, str(tmp_path), shares=(0.25,), images=1, rounds=1, device="cpu", cfg_options=options
    )
    assert json.loads((tmp_path / "pareto.json").read_text()) == content
    points = {(p["router"], p["share"]): p for p in content["points"]}
    routers = {
        ("learned", 0.25),
        ("random", 0.25),
        ("edge", 0.25),
        ("learned", None),
        ("oracle", None),
    }
    assert set(points) == routers | {
        (name, None) for name in ("bicubic", "block_1_only", "all_hard", "served")
    }
    assert points["served", None]["deep"] == 1, "frames as small as these are faster all hard"
    for kind in ("learned", "random", "edge"):
        assert points[kind, 0.25]["deep"] == pytest.approx(0.25, abs=0.04)
    assert points["block_1_only", None]["deep"] == 0
    assert points["all_hard", None]["deep"] == 1
    assert points["bicubic", None]["macs"] == 0
    assert (
        points["block_1_only", None]["macs"]
        < points["learned", 0.25]["macs"]
        < points["all_hard", None]["macs"]
    )
    assert points["bicubic", None]["psnr_in_box"] < points["all_hard", None]["psnr_in_box"]
    assert all(p["ms"] > 0 for p in content["points"])
    assert set(content["pairs"]) == {"bicubic", "instance_sr", "instance_sr_all_hard", "sliced"}
    inner = {"encoder", "plan", "trunk", "deep blocks", "enlarge"}
    assert set(content["stages"]) == inner | {
        "preprocess",
        "upscale",
        "handoff",
        "detector",
        "to_source",
    }
    assert sum(content["stages"][name] for name in inner) <= content["stages"]["upscale"]
    table = (tmp_path / "pareto.md").read_text()
    assert "| learned | 25 | 25 |" in table
    assert (tmp_path / "pareto.png").stat().st_size > 1000


def test_an_editor_without_a_router_has_no_budget(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ValueError, match="'mmisr.Resample' does not"):
        pareto(PLAIN, str(tmp_path))
