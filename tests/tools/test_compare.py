"""``tools/compare.py`` as a user starts it."""

import json
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPTIONS = ("--device", "cpu", "--replicates", "20", "--seed", "5")


@pytest.fixture
def start_here(monkeypatch):
    """The tool in this process, which has imported what it needs."""

    def start(*arguments):
        monkeypatch.setattr(sys, "argv", ["compare.py", *map(str, arguments)])
        runpy.run_path(str(ROOT / "tools/compare.py"), run_name="__main__")

    return start


def test_any_pair_any_arms(start_here, tiny_config, weights_of, tmp_path, capsys):
    """Two classes, x2, an editor that routes nothing, a checkpoint of the whole pair."""
    config, out = tiny_config("pair"), tmp_path / "out"
    arms = tmp_path / "arms.py"
    arms.write_text(
        "arms = ['editor', dict(name='x2.area', editor=dict(type='mmisr.Resample', scale=2, "
        "mode='area'))]"
    )
    start_here(
        config,
        weights_of(config),
        "--arms",
        "lr",
        arms,
        "hr",
        "--out",
        out,
        *OPTIONS,
        "--cfg-options",
        "test_evaluator.protocol=aitod",
    )
    content = json.loads((out / "results.json").read_text())
    assert list(content["arms"]) == ["lr", "editor", "x2.area", "hr"]
    assert (content["meta"]["bootstrap"]["replicates"], content["meta"]["seeds"]["bootstrap"]) == (
        20,
        5,
    )
    assert content["meta"]["classes"] == ["thing", "stuff"]
    assert set(content["arms"]["lr"]["bins"]) == {"very_tiny", "tiny", "small", "medium"}
    printed = capsys.readouterr().out
    assert "hr against x2.area: AP " in printed
    assert (out / "results.md").is_file()
    assert (out / "results.csv").is_file()


def test_an_unknown_arm_is_named_before_anything_runs(start_here, tiny_config, tmp_path):
    with pytest.raises(ValueError, match="arm 'bicubik' is unknown: use one of"):
        start_here(tiny_config("pair"), "--arms", "bicubik", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
