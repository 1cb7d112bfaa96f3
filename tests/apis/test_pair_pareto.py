"""AP against milliseconds of whole pairs, from the tool to its files, on real trees."""

import json
from pathlib import Path

import pytest

from mmisr.apis.pair_pareto import pair_pareto, ways_of

ROOT = Path(__file__).parents[2]
CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


def test_every_way_has_ap_and_milliseconds(cut_outs, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)  # the config names its checkpoints from there
    cut_outs(tmp_path / "trees", 256)
    options = {
        "test_dataloader.dataset.data_root": f"{tmp_path / 'trees'}/",
        "test_dataloader.num_workers": 0,
        "test_dataloader.persistent_workers": False,
    }
    content = pair_pareto(
        CONFIG, out=str(tmp_path), shares=(0.1,), images=1, rounds=1, cfg_options=options
    )
    stored = json.loads((tmp_path / "pair_pareto.json").read_text())
    assert stored["schema"] == 1
    assert stored["points"] == content["points"]
    points = {point["name"]: point for point in content["points"]}
    assert set(points) == {
        "bicubic",
        "instance_sr",
        "instance_sr_all_hard",
        "input_0.5",
        "input_0.75",
        "input_1",
        "sliced_2x2",
        "sliced_3x3",
        "windows",
        "windows_100",
    }
    assert all(point["ms"] > 0 for point in points.values())
    assert points["windows_100"]["area"] < 0.4
    assert points["windows_100"]["macs"] < points["instance_sr_all_hard"]["macs"]
    assert points["bicubic"]["recall"] is None
    assert 0 < points["windows_100"]["recall"] < 1
    table = (tmp_path / "pair_pareto.md").read_text()
    assert "| windows_100 | 0." in table
    assert (tmp_path / "pair_pareto.png").stat().st_size > 10_000


@pytest.mark.parametrize("own_router", [False, True])
def test_a_share_is_asked_of_whoever_routes(own_router):
    router = {"type": "mmisr.InstanceRouter"}
    windows = {"margin": 4, "router": router} if own_router else {"margin": 4}
    editor = {"type": "mmisr.InstanceSR", "scale": 4, "router": "all-hard"}
    model = {"editor": editor, "test_cfg": {"windows": windows}}
    arm = ways_of(model, [0.2])[-1].arm
    asked = {"type": "learned", "budget": {"hard_share": 0.2}}
    assert arm.windows["margin"] == 4
    if own_router:
        assert arm.windows["router"]["router"] == asked
        assert arm.editor["router"] == "all-hard"
    else:
        assert arm.editor["router"] == asked
