"""``tools/report.py`` and what ``tools/compare.py`` leaves, as a user starts them."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start_here(monkeypatch):
    """A tool in this process, which has imported what it needs."""

    def start(tool, *arguments):
        monkeypatch.setattr(sys, "argv", [tool, *map(str, arguments)])
        runpy.run_path(str(ROOT / "tools" / tool), run_name="__main__")

    return start


def test_a_report_of_a_finished_comparison(start_here, compared, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(compared, folder)
    start_here("report.py", folder)
    assert capsys.readouterr().out.strip() == f"report: {folder / 'report.html'}"
    text = (folder / "report.html").read_text()
    assert "<title>instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns</title>" in text
    before = (folder / "results.json").read_text()
    start_here(
        "report.py",
        folder,
        "--title",
        "Mine & <yours>",
        "--pair",
        "hr",
        "lr",
        "--score-thr",
        "0.25",
    )
    text = (folder / "report.html").read_text()
    assert "<title>Mine &amp; &lt;yours&gt;</title>" in text
    assert "0.25 in lr and 0.25 in hr" in text
    assert (folder / "results.json").read_text() == before


def test_an_unfinished_comparison(start_here, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no finished comparison"):
        start_here("report.py", tmp_path)


@pytest.mark.parametrize("wanted", [True, False])
def test_compare_ends_with_a_report(start_here, tiny_config, weights_of, tmp_path, capsys, wanted):
    """Native two-class photos at x2, without a bicubic arm."""
    config, out = tiny_config("pair"), tmp_path / "out"
    options = ["--device", "cpu", "--replicates", "5", *([] if wanted else ["--no-report"])]
    start_here(
        "compare.py", config, weights_of(config), "--arms", "lr", "editor", "--out", out, *options
    )
    assert json.loads((out / "results.json").read_text())["meta"]["classes"] == ["thing", "stuff"]
    assert (out / "report.html").is_file() == wanted
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert (last == f"report: {out / 'report.html'}") == wanted
