"""The benchmark measures what it says; its times are its own business."""

import json
import math

import numpy as np
import pytest
import torch

from mmisr.analysis.benchmark import dense, map_like
from mmisr.apis.benchmark import Cases, benchmark
from mmisr.ops.timing import interleaved
from mmisr.registry import MODELS

CONFIG = "configs/instance_sr/instance-sr-nano-x4_tree-crowns.py"
REAL = [np.array([[0, 2, 2, 0], [0, 0, 1, 0], [0, 0, 0, 0]]), np.array([[2, 0, 0], [0, 0, 0]])]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("grid", [(3, 4), (20, 37)])
def test_a_map_has_the_share_and_starts_from_the_instances(share, grid):
    exits = map_like(REAL, grid, share)
    assert exits.shape == (1, *grid)
    assert int((exits > 0).sum()) == round(share * grid[0] * grid[1])
    if share == 0.3 and grid == (20, 37):
        assert exits[0, 0, 1] == exits[0, 1, 2] == 2


def test_maps_need_instances():
    with pytest.raises(ValueError, match="needs an image with instances, found none"):
        map_like([np.zeros((3, 3), dtype=int)], (3, 3), 0.5)


def test_every_round_times_every_way_and_warms_up_twice():
    calls = []
    times = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3}
    assert "".join(calls) == "baabbaabba"


@torch.no_grad()
def test_dense_is_the_last_exit():
    editor = MODELS.build({"type": "mmisr.InstanceSR"}).eval()
    lr = torch.rand(1, 3, 16, 24)
    torch.testing.assert_close(dense(editor.net, lr), editor.net.decoder.all_exits(lr)[2])


def test_the_whole_benchmark_writes_one_row_a_share(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    content = benchmark(
        CONFIG, out=str(tmp_path), cases=Cases(frames=[(60, 90)], tokens=[8]), repeats=1
    )
    assert json.loads((tmp_path / "results.json").read_text()) == content
    assert (tmp_path / "table.md").read_text().count("nano x4 T8") == 4
    assert [round(row["deep_share"], 1) for row in content["rows"]] == [0.1, 0.2, 0.3, 0.5]
    for row in content["rows"]:
        assert row["frame"] == [64, 96]
        assert set(row["stages"]) | {"encoder"} == {
            "encoder",
            "plan",
            "trunk",
            "deep blocks",
            "enlarge",
        }
        assert row["images_per_s"] == pytest.approx(1000 / row["ms"])
        assert row["patch_macs"] < row["macs"]
        assert ("encoder" in row["stages"]) == (row["overhead_share"] > 0), (
            "a frame this small may do without"
        )
        assert 0 < row["macs"] <= 1.2 * row["dense_macs"]
        assert all(
            math.isfinite(row[k]) and row[k] > 0
            for k in ("ms", "dense_ms", "best_dense_ms", "r", "r_best")
        )
        assert row["bicubic_ms"] > 0 < row["block_1_ms"]
