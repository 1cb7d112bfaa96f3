"""A run that is killed and resumed gives what an uninterrupted one gives, bit for bit."""

import json
from pathlib import Path

import pytest
import torch

from mmisr.apis.train import train

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = {
    "epoch": "train_cfg.update(max_epochs=2)\n",
    "iteration": "train_cfg.update(max_iters=8)\n",
}
"""One more checkpoint than that from which a killed run goes on."""


def saved(folder: Path, name: str) -> dict:
    return torch.load(folder / name, map_location="cpu", weights_only=False)


def assert_same(ours: dict, theirs: dict) -> None:
    assert ours.keys() == theirs.keys()
    different = [k for k, v in ours.items() if not torch.equal(v, theirs[k])]
    assert not different, f"{len(different)} of {len(ours)} tensors differ, {different[:3]} first"


def assert_same_run(whole: Path, resumed: Path, name: str) -> None:
    one, two = saved(whole, name), saved(resumed, name)
    assert_same(one["state_dict"], two["state_dict"])
    for number, state in one["optimizer"]["state"].items():
        assert_same(state, two["optimizer"]["state"][number])


@pytest.fixture
def killed(apart):
    """Trains in a process of its own until it is killed before a step."""

    def until(config: Path, work: Path, step: int) -> None:
        said = work.with_suffix(".txt")
        process = apart(lambda: train(config, str(work)) and None, said, KILL_AT=str(step))
        with pytest.raises(AssertionError, match="was killed"):
            process.result()

    return until


@pytest.mark.parametrize(
    ("kind", "sampler", "kill_at", "kept", "last"),
    [
        # Four steps an epoch; killed in the middle of the second.
        ("epoch", "DefaultSampler", 6, "epoch_1.pth", "epoch_2.pth"),
        ("iteration", "InfiniteSampler", 6, "iter_4.pth", "iter_8.pth"),
    ],
)
def test_resume_after_kill_9(
    tiny_config, tmp_path, killed, variants, kind, sampler, kill_at, kept, last
):
    end = variants[kind] + variants["killed"] + SHORT[kind]
    config = tiny_config(kind, end, workers=2, sampler=sampler)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(config, str(whole))

    killed(config, broken, kill_at)
    assert (broken / kept).is_file()
    assert not (broken / last).exists()

    train(config, str(broken), resume="auto")
    assert_same_run(whole, broken, last)
    start = torch.load(broken / kept, weights_only=False)["state_dict"]
    moved = [
        k for k, v in saved(broken, last)["state_dict"].items() if not torch.equal(v, start[k])
    ]
    assert len(moved) > 50, "nothing was trained after the kill"


def test_epochs_draw_other_augmentations(tiny_config, tmp_path):
    """Seeding every epoch must not mean seeding it alike.

    With a learning rate of 0 only the draws differ.
    """
    config = tiny_config("draws", workers=1)
    options = {"optim_wrapper.optimizer.lr": 0.0, "default_hooks.logger.interval": 1}
    train(config, str(tmp_path / "work"), cfg_options=options)
    log = next((tmp_path / "work").glob("*/vis_data/scalars.json")).read_text().splitlines()
    losses = [json.loads(line)["loss_cls"] for line in log]
    assert len(losses) == 12
    assert len(set(losses)) == 12


@pytest.mark.parametrize(
    ("keys", "error", "text"),
    [
        (
            {"resume": "nowhere.pth"},
            FileNotFoundError,
            "--resume nowhere.pth does not exist; give a checkpoint",
        ),
        (
            {
                "auto_scale_lr": True,
                "cfg_options": {"auto_scale_lr": {"_delete_": True, "enable": False}},
            },
            ValueError,
            "base_batch_size",
        ),
        (
            {"launcher": "pytorch"},
            ValueError,
            r"needs the environment variables \['RANK', 'WORLD_SIZE'",
        ),
        (
            {"launcher": "ssh"},
            ValueError,
            "--launcher must be none, pytorch, slurm, mpi, got 'ssh'",
        ),
        (
            {"amp": True, "cfg_options": {"optim_wrapper.type": "ApexOptimWrapper"}},
            ValueError,
            "'ApexOptimWrapper'",
        ),
        (
            {"cfg_options": {"model.detector.bbox_head.num_classes": 80}},
            ValueError,
            r"predicts 80 classes, the data has 2 \(thing, stuff\): set num_classes=2",
        ),
    ],
)
def test_errors_say_what_to_do(tiny_config, tmp_path, monkeypatch, keys, error, text):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(error, match=text):
        train(tiny_config("wrong"), str(tmp_path / "work"), **keys)


def test_missing_config_is_named():
    with pytest.raises(FileNotFoundError, match="config nowhere.py does not exist"):
        train("nowhere.py")


def test_resume_refuses_weights_of_another_model(tiny_config, tmp_path):
    config = tiny_config("first")
    work = tmp_path / "work"
    train(config, str(work), cfg_options={"train_cfg.max_epochs": 1})
    with pytest.raises(
        ValueError, match="epoch_1.pth does not fit SRDetector: another architecture, size or scale"
    ):
        train(
            config,
            str(work),
            resume="auto",
            cfg_options={"model.editor.generator.mid_channels": 12},
        )


def test_resumed_by_name_and_past_a_damaged_checkpoint(tiny_config, tmp_path):
    """Without data workers, data and model draw from the same generators.

    The run is broken off after its first and its second epoch; the last checkpoint is damaged then,
    and costs its epoch.
    """
    config = tiny_config("in_process", workers=0)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(config, str(whole))
    train(config, str(broken), cfg_options={"train_cfg.max_epochs": 1})
    first, second = broken / "epoch_1.pth", broken / "epoch_2.pth"
    train(config, str(broken), resume=str(first), cfg_options={"train_cfg.max_epochs": 2})
    assert_same_run(whole, broken, "epoch_2.pth")

    second.write_bytes(second.read_bytes()[:1000])
    train(config, str(broken), resume="auto")
    assert_same_run(whole, broken, "epoch_3.pth")
    log = "".join(file.read_text() for file in broken.glob("*/*.log"))
    assert f"checkpoint {second} cannot be read" in log
    assert f"resuming from {first}" in log
