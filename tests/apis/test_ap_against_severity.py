"""AP against severity, from the tool to its files, on real trees."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmisr.apis.ap_against_severity import (
    Pair,
    ap_against_severity,
    corrupted_config,
    pairs_of,
    severity_table,
)
from mmisr.apis.configs import read_config
from mmisr.apis.test import test as run_test
from mmisr.registry import DATASETS

ROOT = Path(__file__).parents[2]
BICUBIC = "configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
INSTANCE_SR = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


@pytest.fixture
def options(tmp_path, cut_outs, monkeypatch) -> dict:
    """Three cut-outs, read in this process."""
    monkeypatch.chdir(ROOT)  # configs name their checkpoints from there
    cut_outs(tmp_path / "trees", 256, 3)
    return {
        "test_dataloader.dataset.data_root": f"{tmp_path / 'trees'}/",
        "test_dataloader.num_workers": 0,
        "test_dataloader.persistent_workers": False,
    }


def test_cells_are_those_of_a_test_and_are_kept(options, tmp_path):
    pairs = pairs_of([BICUBIC, INSTANCE_SR])
    asked = {"corruptions": ["low_resolution", "gaussian_blur"], "severities": [0, 5]}
    out = tmp_path / "out"
    content = ap_against_severity(pairs, **asked, out=out, cfg_options=options)
    assert json.loads((out / "ap_against_severity.json").read_text()) == content
    found = {(c["pair"], c["corruption"], c["severity"]): c["AP"] for c in content["cells"]}
    assert len(found) == 8
    plain = run_test(BICUBIC, work_dir=str(tmp_path / "plain"), cfg_options=options)
    name = Path(BICUBIC).stem
    assert (
        found[name, "low_resolution", 0] == found[name, "gaussian_blur", 0] == plain["bbox/AP"] > 0
    )
    assert found[name, "gaussian_blur", 5] < found[name, "gaussian_blur", 0]
    blurred = corrupted_config(read_config(BICUBIC, cfg_options=options), "gaussian_blur", 5)
    alone = run_test(blurred, work_dir=str(tmp_path / "plain"))
    assert found[name, "gaussian_blur", 5] == alone["bbox/AP"]  # nothing of the cells before it
    files = {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    assert len(files) == 6  # what is clean is measured once for a pair
    again = ap_against_severity(pairs, **asked, out=out, cfg_options=options)
    assert again["cells"] == content["cells"]
    assert {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()} == files
    other = ap_against_severity(
        pairs[:1], ["gaussian_noise"], [5], out, seed=1, cfg_options=options
    )
    assert len(other["cells"]) == 1
    assert len(list((out / "cells").iterdir())) == 7  # another seed is another cell
    with Image.open(out / "ap_against_severity.png") as picture:
        assert picture.width > 500


def test_the_tool_prints_the_table(options, tmp_path, monkeypatch, capsys):
    settings = [f"{key}={value}" for key, value in options.items()]
    words = [BICUBIC, "--corruptions", "h264", "--severities", "3", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["tool", *words, "--cfg-options", *settings])
    runpy.run_path(str(ROOT / "tools/analysis/ap_against_severity.py"), run_name="__main__")
    table = (tmp_path / "out/ap_against_severity.md").read_text()
    assert table in capsys.readouterr().out
    assert table.startswith("| corruption | pair | 3 |\n|---|---|---:|\n| h264 | bicubic-x4")


def test_only_lr_is_corrupted(options):
    cfg = read_config(BICUBIC, cfg_options=options)
    clean = DATASETS.build(cfg.test_dataloader.dataset)[0]
    corrupted = corrupted_config(cfg, "gaussian_noise", 3)
    noisy = DATASETS.build(corrupted.test_dataloader.dataset)[0]
    assert (noisy["data_samples"].hr == clean["data_samples"].hr).all()
    error = (noisy["inputs"].float() - clean["inputs"].float()).numpy()
    assert float(np.std(error)) == pytest.approx(14, rel=0.1)
    assert "+gaussian_noise@1:3" in noisy["data_samples"].lr_recipe
    assert (
        len(cfg.test_dataloader.dataset.pipeline)
        == len(corrupted.test_dataloader.dataset.pipeline) - 1
    )


def test_the_table_has_dashes_where_nothing_was_measured():
    cells = [
        {"pair": "a", "corruption": "jpeg", "severity": 0, "AP": 0.5},
        {"pair": "b", "corruption": "jpeg", "severity": 3, "AP": 0.25},
    ]
    assert severity_table(cells).splitlines()[2:] == [
        "| jpeg | a | 0.500 | - |",
        "| jpeg | b | - | 0.250 |",
    ]


def test_pairs_of_one_config_are_told_apart():
    assert pairs_of(["c/a.py", "1.pth", "c/a.py", "2.pth", "b.py"]) == [
        Pair("a 1.pth", "c/a.py", "1.pth"),
        Pair("a 2.pth", "c/a.py", "2.pth"),
        Pair("b", "b.py", None),
    ]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["1.pth"], "checkpoint 1.pth stands behind no config"),
        (["a.py", "1.pth", "2.pth"], "checkpoint 2.pth stands behind no config"),
        (["a.py", "a.py"], "a pair stands twice among a.py a.py"),
    ],
)
def test_wrong_pairs(words, text):
    with pytest.raises(ValueError, match=text):
        pairs_of(words)


def test_what_is_refused(options, tmp_path):
    pairs = pairs_of([BICUBIC])
    for corruptions, severities, text in (
        (["fog"], [0], "corruption must be one of .*got 'fog'"),
        (["jpeg"], [6], "severity must be .*got 6"),
    ):
        with pytest.raises(ValueError, match=text):
            ap_against_severity(pairs, corruptions, severities, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"checkpoint no.pth does not exist"):
        ap_against_severity(pairs_of([BICUBIC, "no.pth"]), ["jpeg"], [1], tmp_path)
    hr = read_config("configs/detectors/gfl_mobilenet-v2_hr_tree-crowns.py")
    with pytest.raises(ValueError, match=r"feeds HR images \(mmisr.FeedHR\)"):
        corrupted_config(hr, "jpeg", 1)
