"""Two processes (gloo, no GPU) measure what one measures.

Five images, so that one is read twice and dropped again.
"""

import json
import math
from pathlib import Path

import pytest
import torch

from mmisr.apis.models import init_model
from mmisr.apis.test import test

ROOT = Path(__file__).parents[2]
PAIR = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
OPTIONS = """
model = dict(test_cfg=dict(keep_sr=True))
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(indices=5))
test_evaluator = [
    dict(_delete_=True, type="mmisr.SizeBinnedCocoMetric", protocol="aitod"),
    dict(type="mmisr.RegionQuality"),
]
"""


@pytest.fixture
def five_images(tmp_path, tree_crowns, monkeypatch):
    """A config of the pair on five validation images, and the pair in one file."""
    monkeypatch.chdir(ROOT)
    config, checkpoint = tmp_path / "pair.py", tmp_path / "pair.pth"
    config.write_text(f"_base_ = [{str(ROOT / PAIR)!r}]\n{OPTIONS}".replace("_delete_=True, ", ""))
    torch.save({"state_dict": init_model(config).state_dict()}, checkpoint)
    return config, checkpoint


def test_two_processes_measure_what_one_measures(five_images, tmp_path, run, free_port):
    config, checkpoint = five_images
    one = test(config, checkpoint, str(tmp_path / "one"))
    assert one["bbox/AP"] > 0.05
    assert one["bbox/count"] > 50

    arguments = (config, checkpoint, 2, "--work-dir", tmp_path / "two")
    two = run("bash", "tools/dist_test.sh", *arguments, PORT=free_port())
    assert two.returncode == 0, two.stderr[-3000:]
    (found,) = [json.loads(path.read_text()) for path in (tmp_path / "two").glob("*/*.json")]
    for key, value in one.items():
        if math.isnan(value):
            assert math.isnan(found[key]), key
        else:
            assert found[key] == pytest.approx(value, abs=1e-9), key
