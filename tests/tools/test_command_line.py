"""``mmisr TOOL``: every tool by one dispatch, from any folder, with the weights of the package."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmisr.__main__ import main
from mmisr.apis.configs import find_config, published_weights, read_config
from mmisr.ops import shipped

ROOT = Path(__file__).parents[2]
EDITOR = "instance-sr-nano-x4_tree-crowns"
PAIR = "instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns"


def test_every_file_under_tools_is_a_command_of_its_own_name():
    files = [file for file in (ROOT / "tools").rglob("*") if file.suffix in (".py", ".sh")]
    assert sorted(shipped.shipped_tools()) == sorted(file.stem for file in files)
    assert "doctor" not in shipped.shipped_tools()


def test_a_tool_runs_with_its_own_arguments(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mmisr"])
    with pytest.raises(SystemExit) as ended:
        main(["tree-crowns", "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: tree_crowns.py [-h] [--out OUT]")


def test_an_unknown_tool_is_named_beside_those_there_are(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["trian"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "there is no tool 'trian'" in said and "\n  train\n" in said and "\n  doctor\n" in said


def test_the_tool_list_costs_no_torch():
    code = (
        "import sys; from mmisr.__main__ import main\ntry: main(['-h'])\nfinally: assert "
        "'torch' not in sys.modules"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert found.returncode == 0 and "usage: mmisr TOOL" in found.stdout, found.stderr


def test_names_and_weights_are_found_from_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = published_weights(EDITOR)
    assert weights is not None and Path(weights).is_file()
    cfg = read_config(PAIR)
    for path in (cfg.model.editor.checkpoint, cfg.model.checkpoints.detector):
        assert Path(path).is_absolute() and Path(path).is_file()
    assert published_weights(PAIR) is None  # its config names them
    assert find_config(f"configs/instance_sr/{PAIR}.py").is_file()
    with pytest.raises(FileNotFoundError, match="config nowhere.py does not exist"):
        find_config("nowhere.py")


def test_files_of_the_current_folder_win(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / f"checkpoints/{EDITOR}.pth"
    own.parent.mkdir()
    torch.save({}, own)
    assert shipped.shipped_weights(f"checkpoints/{EDITOR}.pth") == f"checkpoints/{EDITOR}.pth"
    assert shipped.shipped_weights("elsewhere/x.pth") == "elsewhere/x.pth"
