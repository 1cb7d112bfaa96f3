"""An adaptive editor by itself: the figures of routers against ones made by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mmisr.analysis.depth import Seen, binned, depth_by_difficulty, router_figures
from mmisr.apis.depth import router_depth
from mmisr.ops.psnr import psnr_of_unit
from mmisr.registry import MODELS
from mmisr.structures.hints import ImageHints

ROOT = Path(__file__).parents[2]
CONFIG = "configs/path_restore/path-restore-nano-x1_tree-crowns.py"
SIZE = {"channels": 4, "blocks": 2, "paths": 2}
TILING = {"size": 12, "stride": 8}


@pytest.fixture
def editor():
    torch.manual_seed(0)
    config = {"type": "mmisr.PathRestore", "size": SIZE, "tiling": TILING}
    return MODELS.build(config).eval()


@pytest.fixture
def images():
    """Two images whose right half is noisy."""
    torch.manual_seed(1)
    seen = []
    for number in range(2):
        hr = torch.rand(1, 3, 36, 48)
        lr = hr.clone()
        lr[..., 24:] += 0.3 * torch.randn(1, 3, 36, 24)
        seen.append(Seen(lr, hr, [ImageHints(seed=number)]))
    return seen


def test_figures_are_means_of_the_images(editor, images):
    own, dense, random = router_figures(editor, ["policy", "all-paths", "random:0.5"], images, 2)
    editor.route_by("all-paths")
    with torch.no_grad():
        restored = [editor.upscale(seen.lr).image for seen in images]
    values = [float(psnr_of_unit(one, seen.hr)) for one, seen in zip(restored, images, strict=True)]
    assert dense.psnr == pytest.approx(sum(values) / 2)
    assert dense.depth == 2
    assert dense.gmacs == pytest.approx(editor.count_macs(images[0].lr) / 1e9)
    assert 0 < random.depth < 2
    assert (own.router, random.router) == ("policy", "random:0.5")
    assert min(own.ms, dense.ms, random.ms) > 0


def test_depth_is_sorted_by_the_error(editor, images):
    """A policy that takes both steps where there is noise, and none elsewhere."""

    class Noisy:
        whole = False

        def routes(self, batch, size):
            corners = [x for _ in range(4) for x in (0, 8, 16, 24, 32, 36)]
            steps = torch.tensor(corners) >= 20
            return steps.long()[:, None].expand(-1, 2).repeat(batch.images, 1)

    editor.router = Noisy()
    bins = depth_by_difficulty(editor, images)["input"]
    assert [b.tokens for b in bins] == [10, 10, 10, 9, 9]
    assert bins[0].difficulty == 0
    assert bins[-1].difficulty == pytest.approx(0.3 * 255, rel=0.2)
    assert (bins[0].depth, bins[-1].depth) == (0, 2)
    assert isinstance(editor.router, Noisy), "the router is left as it was"


def test_shares_are_equal_and_in_order():
    bins = binned(np.arange(10)[::-1], np.arange(10), bins=5)
    assert [b.difficulty for b in bins] == [0.5, 2.5, 4.5, 6.5, 8.5]
    assert [b.depth for b in bins] == [8.5, 6.5, 4.5, 2.5, 0.5]
    assert len(binned(np.arange(2), np.arange(2), bins=5)) == 2


def test_the_psnr_of_a_hand_example():
    zero = torch.zeros(1, 3, 4, 4)
    assert psnr_of_unit(zero + 0.1, zero) == pytest.approx(20)


def test_on_real_images(tree_crowns, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    options = {
        "model.size": {"_delete_": True, **SIZE},
        "test_dataloader.dataset.data_root": f"{tree_crowns}/",
    }
    result = router_depth(
        CONFIG, routers=["fixed:1"], images=1, rounds=1, out=str(tmp_path), cfg_options=options
    )
    assert [row.router for row in result.routers] == ["policy", "all-paths", "fixed:0", "fixed:1"]
    by_name = {row.router: row for row in result.routers}
    assert by_name["fixed:1"].gmacs > by_name["all-paths"].gmacs > 0
    noise = [b.difficulty for b in result.bins["input"]]
    assert noise == sorted(noise)
    assert noise[0] < 12
    assert noise[-1] > 35
    saved = json.loads((tmp_path / "depth.json").read_text())
    assert saved["routers"][0]["router"] == "policy"
    assert (tmp_path / "depth.png").stat().st_size > 1000


def test_an_editor_without_routers_is_refused(monkeypatch, tree_crowns):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ValueError, match="of an editor that routes tokens, alone, got a PlainSR"):
        router_depth("configs/plain/edsr_x4_tree-crowns.py")
