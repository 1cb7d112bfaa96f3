"""The pictures of a training, as a user makes them: after a real run of two phases."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from mmisr.apis.models import init_model
from mmisr.apis.train import train

ROOT = Path(__file__).parents[2]
STRATEGIES = Path(__file__).parents[1] / "strategies"
PHASES = """
custom_imports = dict(
    imports=["mmisr.registry", "mmisr.openmmlab.mmagic_nets", "two_phases"],
    allow_failed_imports=False,
)
model.update(strategy=dict(type="TwoPhases"))
optim_wrapper = dict(
    constructor="mmisr.PartOptimWrapperConstructor",
    editor=dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-4)),
    detector=dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=1e-3)),
    strategy=dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-4)),
)
param_scheduler = None
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=1)
default_hooks = dict(logger=dict(interval=1))
"""


@pytest.fixture
def start(monkeypatch, capsys):
    """Runs a tool in this process; gives what it printed."""

    def go(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(ROOT / "tools/analysis" / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return go


def test_loss_curves(start, tiny_config, monkeypatch, one_thread, tmp_path):
    monkeypatch.syspath_prepend(STRATEGIES)
    config = tiny_config("phases", PHASES)
    train(str(config), str(tmp_path / "run"))
    (log,) = (tmp_path / "run").glob("**/vis_data/scalars.json")
    records = [json.loads(line) for line in log.read_text().splitlines()]
    out = tmp_path / "losses.png"
    said = start("loss_curves", tmp_path / "run", log, "--out", out)
    rows = [line.split() for line in said.splitlines()]
    named = {row[0]: row for row in rows if row and row[0].count("/") == 1 and len(row) == 6}
    values = [record["detect/loss_cls"] for record in records if "detect/loss_cls" in record]
    assert len(values) == 4  # eight photos, two at a time
    expected = [values[0], values[-1], min(values), max(values)]
    assert named["detect/loss_cls"][2:] == [f"{value:.3f}" for value in expected]
    assert "restore/loss_two_phases_pixel" in named
    assert not any(row.startswith("one phase") for row in named)
    assert Image.open(out).height > 800  # two panels


def test_feature_maps(start, tiny_config, photos, tmp_path):
    config = tiny_config("pair")
    torch.manual_seed(0)
    torch.save({"state_dict": init_model(config).state_dict()}, tmp_path / "pair.pth")
    out = tmp_path / "maps.png"
    image = photos / "1.png"
    options = ["--image", image, "--taps", "pyramid.0", "neck.2", "--out", out]
    said = start("feature_maps", config, tmp_path / "pair.pth", *options)
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line}
    for tap in ("pyramid.0", "neck.2"):
        assert all(-1 <= float(value) <= 1 for value in rows[tap])
    assert Image.open(out).width > 1000
