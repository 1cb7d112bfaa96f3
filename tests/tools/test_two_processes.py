"""Two processes (gloo, no GPU) measure what one measures.

Five images, so that one is read twice and dropped again.
"""

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
    dict(type="mmisr.SizeBinnedCocoMetric", protocol="aitod"),
    dict(type="mmisr.RegionQuality"),
]
"""


@pytest.fixture
def five_images(tmp_path, tree_crowns, monkeypatch):
    """A config of the pair on five validation images, and the whole pair in one file.

    That is how a training run writes it.
    """
    monkeypatch.chdir(ROOT)
    config, checkpoint = tmp_path / "pair.py", tmp_path / "pair.pth"
    config.write_text(f"_base_ = [{str(ROOT / PAIR)!r}]\n{OPTIONS}")
    torch.save({"state_dict": init_model(config).state_dict()}, checkpoint)
    return config, checkpoint


def test_two_processes_measure_what_one_measures(five_images, tmp_path, apart, starting):
    config, checkpoint = five_images
    one = apart(lambda: test(config, checkpoint, str(tmp_path / "one"))).result()
    assert one["bbox/AP"] > 0.05
    assert one["bbox/count"] > 50

    work = str(tmp_path / "two")
    started = starting(2, lambda: test(config, checkpoint, work, launcher="pytorch"))
    for process in started:
        figures = process.result()
        assert figures.keys() == one.keys()
        for key, value in one.items():
            assert figures[key] == pytest.approx(value, abs=1e-9, nan_ok=True), key
