"""A strategy of two phases with an optimiser per part, trained as users do.

In one process, in two, broken off, resumed.
"""

import json
import sys
from pathlib import Path

import pytest
import torch

from mmisr.apis.train import train

STRATEGIES = Path(__file__).parents[1] / "strategies"
PHASES = """
custom_imports = dict(
    imports=["mmisr.registry", "mmisr.openmmlab.mmagic_nets", "two_phases"],
    allow_failed_imports=False,
)
model.update(strategy=dict(type="TwoPhases"))
for part in ("backbone", "neck", "bbox_head"):
    model["detector"][part]["norm_cfg"] = dict(type="GN", num_groups=4)  # no batch statistics
train_dataloader["dataset"]["pipeline"] = test_pipeline  # nothing random
optim_wrapper = dict(
    constructor="mmisr.PartOptimWrapperConstructor",
    editor=dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-4)),
    detector=dict(
        type="OptimWrapper",
        optimizer=dict(type="SGD", lr=1e-3, momentum=0.9),
        clip_grad=dict(max_norm=10),
    ),
    strategy=dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-4)),
)
param_scheduler = dict(
    editor=[dict(type="CosineAnnealingLR", by_epoch=False, begin=0, end=12)],
    detector=[dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=6)],
)
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=2)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3), logger=dict(interval=1))
"""


@pytest.fixture
def config(tiny_config, monkeypatch, one_thread):
    monkeypatch.syspath_prepend(STRATEGIES)
    monkeypatch.setenv("PYTHONPATH", str(STRATEGIES), prepend=":")
    return tiny_config("phases", PHASES)


def saved(path: Path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=False)


def flat(state: object, name: str = "") -> dict[str, object]:
    if isinstance(state, dict):
        return {
            k: v for key, value in state.items() for k, v in flat(value, f"{name}.{key}").items()
        }
    if isinstance(state, (list, tuple)):
        return {
            k: v for key, value in enumerate(state) for k, v in flat(value, f"{name}.{key}").items()
        }
    return {name: state}


def test_a_run_that_is_broken_off_and_resumed_ends_bit_identical(config, tmp_path):
    """Weights, the optimiser and the schedulers of every part."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(config, str(whole))
    train(config, str(broken), cfg_options={"train_cfg.max_epochs": 1})
    train(config, str(broken), resume="auto")
    one, two = saved(whole / "epoch_2.pth"), saved(broken / "epoch_2.pth")
    assert set(one["optimizer"]) == {"editor", "detector", "strategy"}
    assert {name: len(found) for name, found in one["param_schedulers"].items()} == {
        "editor": 1,
        "detector": 1,
        "strategy": 0,
    }
    for key in ("state_dict", "optimizer", "param_schedulers"):
        ours, theirs = flat(one[key]), flat(two[key])
        assert ours.keys() == theirs.keys()
        different = [
            k
            for k, v in ours.items()
            if not (torch.equal(v, theirs[k]) if torch.is_tensor(v) else v == theirs[k])
        ]
        assert different == [], key
    assert not [name for name in one["state_dict"] if "teacher" in name]
    lines = [
        json.loads(x) for x in next(whole.glob("*/vis_data/scalars.json")).read_text().splitlines()
    ]
    assert {"restore/loss_two_phases_pixel", "detect/loss_cls", "loss"} <= set(lines[0])
    # Each part has a schedule of its own: one falls, one rises, one stays.
    assert lines[-1]["editor.lr"] < lines[0]["editor.lr"] == pytest.approx(1e-4)
    assert lines[-1]["detector.lr"] > lines[0]["detector.lr"] == pytest.approx(1e-4)
    assert lines[-1]["strategy.lr"] == lines[0]["strategy.lr"] == pytest.approx(1e-4)


def test_two_processes_of_a_run_learn_what_one_learns(config, tmp_path, run, free_port):
    one, two = tmp_path / "one", tmp_path / "two"
    options = {"train_dataloader.batch_size": 4, "train_cfg.max_epochs": 1}
    train(config, str(one), cfg_options=options)
    flags = ("--work-dir", two, "--cfg-options", "train_cfg.max_epochs=1")
    ran = run(
        "bash", "tools/dist_train.sh", config, 2, *flags, PORT=free_port(), PYTHON=sys.executable
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    lines = (ran.stdout + ran.stderr).splitlines()
    # A quiet start: every warning is about the run.
    assert [x for x in lines if "warning" in x.lower() or "deprecated" in x or "OneDL" in x] == []
    ours, theirs = (
        saved(one / "epoch_1.pth")["state_dict"],
        saved(two / "epoch_1.pth")["state_dict"],
    )
    apart = {name: float((value - theirs[name]).abs().max()) for name, value in ours.items()}
    assert max(apart.values()) < 1e-5, sorted(apart.items(), key=lambda item: -item[1])[:3]


def test_auto_scale_lr_reaches_every_part(config, tmp_path):
    train(
        config,
        str(tmp_path / "work"),
        auto_scale_lr=True,
        cfg_options={"auto_scale_lr.base_batch_size": 4, "train_cfg.max_epochs": 1},
    )
    lines = next((tmp_path / "work").glob("*/vis_data/scalars.json")).read_text().splitlines()
    assert json.loads(lines[0])["strategy.lr"] == pytest.approx(5e-5)


def test_another_strategy_does_not_go_on_with_a_run(config, tiny_config, tmp_path):
    work = tmp_path / "work"
    train(config, str(work), cfg_options={"train_cfg.max_epochs": 1})
    begun = saved(work / "epoch_1.pth")["strategy"]
    assert begun["type"] == "TwoPhases"
    text = PHASES.replace("TwoPhases", "SR4IR")
    other = tiny_config("other", text + 'optim_wrapper.pop("strategy")\n')
    told = r"was trained with strategy TwoPhases \(.*\), and the config has SR4IR \(restore: editor"
    with pytest.raises(ValueError, match=told):
        train(other, str(work), resume="auto")
    assert (work / "epoch_1.pth").is_file()


@pytest.mark.parametrize(
    ("strategy", "key"),
    [("TaskDriven", "checkpoints.detector"), ("Frozen", "checkpoints.editor")],
)
def test_a_part_that_rests_without_weights_is_named(tiny_config, tmp_path, strategy, key):
    options = {"model.strategy": {"type": strategy}}
    with pytest.raises(ValueError, match=f"leaves a part as it is .* set model.{key}=FILE"):
        train(tiny_config("plain"), str(tmp_path / "work"), cfg_options=options)
