"""The curves over the budget range.

Every point is evaluated once and timed, and routers differ as they should.
"""

import json
from pathlib import Path

import pytest
import torch

from mmisr.apis.pareto import measured_arms, pareto
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.resample import resize
from mmisr.ops.tokens import spread
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo, Routers, with_budget
from mmisr.structures.frames import hw_of
from mmisr.structures.sr_result import RoutingMap, SRResult

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


class TwoExits(SREditor):
    """An adaptive editor that is not InstanceSR: bright tokens are bicubic, the others blurred."""

    def __init__(self, scale, router="bright", execution=None):
        super().__init__()
        serving = execution and {"execution": {"fast": True}}
        routers = Routers("bright", "none", "all", by_share=("first",), serving=serving)
        self._info = EditorInfo(
            "two", scale, 8, 8, trainable=False, adaptive=True, routers=routers, method="two"
        )
        self.route_by(router)

    @property
    def info(self):
        return self._info

    def route_by(self, router, budget=None):
        config = with_budget(router, budget)
        self.router = {"type": config} if isinstance(config, str) else config

    def _upscale(self, lr, hints):
        with self.timer.stage("route"):
            rows, cols = lr.shape[-2] // 8, lr.shape[-1] // 8
            bright = torch.nn.functional.avg_pool2d(lr.mean(1), 8).flatten(1)
            rank = bright if self.router["type"] == "bright" else -torch.arange(rows * cols)[None]
            order = rank.argsort(1, descending=True)
            exits = torch.zeros(len(lr), rows * cols, dtype=torch.long)
            exits[:, order[0, : round(self.share() * rows * cols)]] = 1
            exits = exits.view(-1, rows, cols)
        with self.timer.stage("enlarge"):
            hw = tuple(side * self.info.scale for side in hw_of(lr))
            deep = spread(exits, 8 * self.info.scale).bool()
            image = torch.where(deep, resize(lr, hw, "bicubic"), resize(lr, hw, "area"))
        return SRResult(image, RoutingMap(exits, 8, ("blurred", "sharp")))

    def share(self):
        fixed = {"none": 0.0, "all": 1.0, "bright": 0.6}
        if "shares" in self.router:
            return self.router["shares"][1]
        return self.router.get("budget", {}).get("hard_share", fixed.get(self.router["type"]))


@pytest.fixture
def two_exits():
    MODELS.register_module(module=TwoExits)
    yield {"type": "TwoExits", "scale": 4}
    MODELS.module_dict.pop("TwoExits")


def test_any_editor_that_routes_has_its_curve(two_exits, tree_crops, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    options = {
        **tree_crops,
        "test_dataloader.dataset.indices": 2,
        "model.editor": {**two_exits, "_delete_": True},
    }
    content = pareto(
        PLAIN, str(tmp_path), shares=(0.25,), images=1, rounds=1, device="cpu", cfg_options=options
    )
    deep = {(p["router"], p["share"]): p["deep"] for p in content["points"]}
    assert deep == {
        ("bicubic", None): None,
        ("block_1_only", None): 0,
        ("all_hard", None): 1,
        ("bright", None): pytest.approx(0.6, abs=0.05),
        ("bright", 0.25): pytest.approx(0.25, abs=0.05),
        ("first", 0.25): pytest.approx(0.25, abs=0.05),
    }
    assert set(content["pairs"]) == {"bicubic", "two", "two_all_hard", "sliced"}
    assert {"route", "enlarge", "upscale", "detector"} <= set(content["stages"])


def test_what_the_info_names_is_measured(two_exits):
    editor = {**two_exits, "execution": {"depth": 2}}
    arms = {(m.router, m.share): m.arm for m in measured_arms(editor, [0.3])}
    assert arms["served", None].editor["execution"] == {"depth": 2, "fast": True}
    assert arms["bright", None].editor["execution"] == {"depth": 2}
    assert arms["bright", 0.3].editor["router"] == {"type": "bright", "budget": {"hard_share": 0.3}}
    assert arms["first", 0.3].editor["router"] == {"type": "first", "shares": [0.7, 0.3]}


def test_an_editor_without_a_router_has_no_budget(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ValueError, match="'mmisr.Resample' does not"):
        pareto(PLAIN, str(tmp_path))
