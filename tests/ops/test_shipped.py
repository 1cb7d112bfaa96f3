"""Configs of this project as the base of somebody else's, read by somebody else's code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmisr.ops.shipped import config_file, shipped_config, shipped_root

ROOT = Path(__file__).parents[2]
OTHER = """
import sys
from mmengine.config import Config
for file in sys.argv[1:]:
    cfg = Config.fromfile(file)
    print(cfg.model.type, cfg.model.editor.type, sys.modules['mmisr'].__file__)
"""
PAIR = "instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


@pytest.fixture(scope="module")
def on_pythonpath(tmp_path_factory) -> Path:
    """A clone's package and configs in a folder of their own, installed nowhere."""
    folder = tmp_path_factory.mktemp("clone")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "mmisr", folder / "mmisr", symlinks=True, ignore=ignored)
    shutil.copytree(ROOT / "configs", folder / "configs", ignore=ignored)
    shutil.copy(ROOT / "model-index.yml", folder)
    return folder


def test_a_base_is_found_by_plain_mmengine_from_a_clone_on_the_path(on_pythonpath, tmp_path):
    unaware, aware = tmp_path / "unaware.py", tmp_path / "aware.py"
    unaware.write_text(f'_base_ = __import__("mmisr").config_file("{PAIR}")\n')
    # Once something has imported the registry, here the first config, the scope is known.
    aware.write_text(f'_base_ = ["mmisr::{PAIR}"]\n')
    ran = subprocess.run(
        [sys.executable, "-c", OTHER, str(unaware), str(aware)],
        env={**os.environ, "PYTHONPATH": str(on_pythonpath)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == 2 * [
        "mmisr.SRDetector",
        "mmisr.InstanceSR",
        str(on_pythonpath / "mmisr" / "__init__.py"),
    ]


def test_every_config_is_found_by_name_and_by_path():
    files = [f for f in (ROOT / "configs").rglob("*.py") if "_base_" not in f.parts]
    assert len(files) >= 18
    assert [f for f in files if Path(config_file(f.stem)) != f] == []
    assert config_file("_base_/default_runtime.py") == str(
        ROOT / "configs" / "_base_" / "default_runtime.py"
    )
    assert shipped_config("default_runtime") is None


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"no config 'mmisr-x9'; they are under .*configs"):
        config_file("mmisr-x9")


def test_the_links_that_mim_follows_end_at_the_clone():
    links = {link.name: link.resolve() for link in (ROOT / "mmisr" / ".mim").iterdir()}
    assert links == {n: ROOT / n for n in ("configs", "tools", "checkpoints", "model-index.yml")}
    assert shipped_root() == ROOT
