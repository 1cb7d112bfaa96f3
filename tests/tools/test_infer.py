"""``tools/infer.py`` as a user starts it."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).parents[2]
CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


def start_here(monkeypatch, *arguments):
    """The tool in this process, which has imported what it needs."""
    monkeypatch.setattr(sys, "argv", ["infer.py", *map(str, arguments)])
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(ROOT / "tools/infer.py"), run_name="__main__")


def test_a_folder_from_the_command_line(monkeypatch, capsys, tree_crowns, tmp_path):
    folder, out = tmp_path / "lr", tmp_path / "out"
    folder.mkdir()
    for number, path in enumerate(sorted((tree_crowns / "val").iterdir())[:2]):
        cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(cv2.imread(str(path)), (64, 56)))
    options = ["--out-dir", out, "--device", "cpu", "--batch-size", 2, "--score-thr", 0.2]
    start_here(monkeypatch, folder, CONFIG, *options, "--hard-share", 0.1, "--save-sr", "--no-vis")
    assert f"results: {out}" in capsys.readouterr().out
    assert not (out / "vis").exists()
    assert cv2.imread(str(out / "sr/1.png")).shape == (224, 256, 3)
    results = json.loads((out / "results.bbox.json").read_text())
    assert {r["image_id"] for r in results} == {1, 2}
    assert max(r["bbox"][0] + r["bbox"][2] for r in results) <= 64


def test_one_budget_at_a_time(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        start_here(monkeypatch, "x.png", CONFIG, "--budget-ms", 3, "--hard-share", 0.1)
    assert "not allowed with argument --budget-ms" in capsys.readouterr().err


def test_a_missing_input(monkeypatch):
    with pytest.raises(FileNotFoundError, match="input nowhere.png does not exist"):
        start_here(monkeypatch, "nowhere.png", CONFIG, "--device", "cpu")
