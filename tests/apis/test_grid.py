"""A grid of real training runs on cut-outs of real trees: trained once, compared, taught from."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmisr.__main__ import main
from mmisr.analysis.grid import training
from mmisr.analysis.grid.training import Launch, Run, has_key, run_key, train_runs
from mmisr.apis.configs import read_config
from mmisr.apis.grid import grid, markdown_grid

ROOT = Path(__file__).parents[2]
BASE = """
_base_ = [
    {root!r} + "/configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py",
    {root!r} + "/configs/_base_/schedules/finetune_6e.py",
]
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False,
    dataset=dict(times=1, dataset=dict(data_root={data!r})),
)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(data_root={data!r}))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=1e-7))
train_cfg = dict(max_epochs=1, val_interval=9)
param_scheduler = None
"""
HR = """
_base_ = "base.py"
*degrade, pack = _base_.degrade
feed_hr = [*degrade, dict(type="mmisr.FeedHR"), pack]
train_dataloader = dict(
    dataset=dict(dataset=dict(pipeline=[*_base_.load, *_base_.augment, *feed_hr]))
)
val_dataloader = dict(dataset=dict(pipeline=[*_base_.load, *feed_hr]))
test_dataloader = val_dataloader
model = dict(editor=dict(_delete_=True, type="mmisr.Resample", scale=1))
"""
STUDENT = """
_base_ = "base.py"
model = dict(strategy=dict(_delete_=True, type="HRDistill", teacher="of the grid"))
"""
COARSER = """
_base_ = "base.py"
pipeline = [*_base_.load, *_base_.degrade[:1], dict(type="mmisr.SimulateLR", scale=8, seed=0)]
val_dataloader = dict(dataset=dict(pipeline=[*pipeline, _base_.degrade[-1]]))
test_dataloader = val_dataloader
"""
WRONG = """
_base_ = "base.py"
optim_wrapper = dict(optimizer=dict(type="NoSuchOptimizer"))
"""
LINK = {"model.strategy.teacher": "hr"}


@pytest.fixture(scope="module")
def configs(cut_outs, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("grid")
    cut_outs(folder / "data", 128, 2)
    texts = {"base": BASE, "hr": HR, "student": STUDENT, "coarser": COARSER, "wrong": WRONG}
    paths = {}
    for name, text in texts.items():
        paths[name] = folder / f"{name}.py"
        paths[name].write_text(text.replace("{root!r}", repr(str(ROOT))))
    data = f"{folder / 'data'}/"
    paths["base"].write_text(paths["base"].read_text().replace("{data!r}", repr(data)))
    return paths


@pytest.fixture(scope="module")
def forks(apart):
    """Runs are forks of this process; the one that fails begins anew, as a user's does."""

    def call(command: list[str], stdout, stderr, env: dict[str, str]) -> int:
        assert stderr == training.subprocess.STDOUT
        words = command[command.index("mmisr") + 1 :]
        process = apart(lambda: main(words), Path(stdout.name), **env)
        return process.result()

    return SimpleNamespace(call=call, STDOUT=training.subprocess.STDOUT)


@pytest.fixture(scope="module")
def trained(configs, tmp_path_factory, forks):
    """The folder of a grid of two rows and one seed, and what it found."""
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "subprocess", forks)
        patch.chdir(ROOT)  # the config names its checkpoint from there
        rows = [configs["base"], configs["hr"]]
        two = Launch(jobs=2)
        result = grid(rows, [0], out, launch=two, device="cpu", replicates=20)
    return out, result


def done(out: Path) -> dict[str, int]:
    """When each run was finished."""
    files = sorted((out / "runs").rglob("run.json"))
    return {file.parts[-3]: file.stat().st_mtime_ns for file in files}


def test_rows_are_trained_tested_and_compared(trained):
    out, result = trained
    base, hr = result.row("base"), result.row("hr")
    assert 0 < base.figures["AP"] < hr.figures["AP"]
    assert hr.gains["AP"].value == pytest.approx(hr.figures["AP"] - base.figures["AP"])
    assert hr.gains["AP"].per_seed == [pytest.approx(hr.gains["AP"].value)]
    assert base.gains == {}
    assert base.spread["AP"] == 0
    assert min(base.minutes, base.macs, base.ms) > 0
    content = json.loads((out / "grid.json").read_text())
    assert content["schema"] == 1
    assert [row["name"] for row in content["rows"]] == ["base", "hr"]
    assert content["meta"]["bootstrap"]["replicates"] == 20
    text = (out / "grid.md").read_text()
    assert "| base |" in text
    assert f"{hr.gains['AP'].value:+.3f}" in text
    assert content["ceiling"] == "hr"
    assert "Room: `hr` is " in text
    with Image.open(out / "grid.png") as picture:
        assert min(picture.size) > 100


def test_a_row_learns_from_another_and_nothing_is_trained_twice(
    trained, configs, forks, monkeypatch
):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(training, "subprocess", forks)
    out, before = trained
    times = done(out)
    rows = [configs[name] for name in ("base", "student", "hr")]
    result = grid(rows, [0], out, links=LINK, device="cpu", replicates=20)
    assert [row.name for row in result.rows] == ["base", "student", "hr"]
    assert result.row("hr").figures == before.row("hr").figures
    after = done(out)
    assert {name: after[name] for name in times} == times
    (config,) = (out / "runs" / "student").glob("*/config.py")
    teacher = Path(Config.fromfile(config).model.strategy.teacher)
    assert teacher.parts[-3] == "hr"
    assert teacher.is_file()
    assert "student" in markdown_grid(result)


def test_a_teacher_that_is_not_ahead_is_refused_with_both_figures(trained, configs, monkeypatch):
    monkeypatch.chdir(ROOT)
    out, found = trained
    rows = [configs[name] for name in ("hr", "student", "base")]
    behind, ahead = found.row("base").figures["AP"], found.row("hr").figures["AP"]
    text = f"base is to teach, and has AP {behind:.3f} where hr has {ahead:.3f}"
    with pytest.raises(ValueError, match=text):
        grid(rows, [0], out, links={"model.strategy.teacher": "base"}, device="cpu")


def test_what_a_run_depends_on_changes_its_key(configs, tmp_path):
    cfg = read_config(configs["student"])
    key = run_key(cfg, 0, Launch())
    assert run_key(read_config(configs["student"]), 0, Launch()) == key
    assert run_key(cfg, 1, Launch()) != key
    assert run_key(cfg, 0, Launch(gpus=2)) != key
    assert run_key(cfg, 0, Launch(amp=True)) != key
    weights = tmp_path / "teacher.pth"
    weights.write_bytes(b"one")
    cfg.model.strategy.teacher = str(weights)
    key = run_key(cfg, 0, Launch())
    weights.write_bytes(b"other")
    assert run_key(cfg, 0, Launch()) != key


def test_commands(tmp_path):
    folder = Run("row", 0, tmp_path).folder
    one = Launch().command(Path("c.py"), folder)
    assert one[1:] == ["-m", "mmisr", "train", "c.py", "--work-dir", str(tmp_path), "--resume"]
    several = Launch(gpus=4, amp=True).command(Path("c.py"), folder)
    assert several[1:4] == ["-m", "torch.distributed.run", "--nproc_per_node=4"]
    assert several[-3:] == ["--launcher", "pytorch", "--amp"]


def test_runs_that_train_together_have_gpus_of_their_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    launch = Launch(gpus=2, jobs=2)
    own = [launch.environment(slot)["CUDA_VISIBLE_DEVICES"] for slot in range(2)]
    assert own == ["0,1", "2,3"]
    assert Launch(jobs=1).environment(0).get("CUDA_VISIBLE_DEVICES") == os.environ.get(
        "CUDA_VISIBLE_DEVICES"
    )
    with pytest.raises(ValueError, match=r"jobs=3 with gpus=2 each, and there are 4"):
        Launch(gpus=2, jobs=3)
    with pytest.raises(ValueError, match="at least one run at a time"):
        Launch(jobs=0)


def test_after_a_failure_no_other_run_is_begun(configs, tmp_path):
    """Of three runs, one at a time, the second fails: the first is kept, the third not begun.

    The end of the log of the one that failed is shown.
    """
    jobs = []
    for number, name in enumerate(("base", "wrong", "base")):
        run = Run(name, number, tmp_path / str(number))
        run.folder.mkdir()
        jobs.append((run, read_config(configs[name])))
    (jobs[0][0].folder / "run.json").write_text("{}")
    finished = []
    text = r"training wrong with seed 1 ended with status 1;"
    with pytest.raises(RuntimeError, match=text) as caught:
        train_runs(jobs, Launch(), lambda: finished.append(1))
    assert "NoSuchOptimizer" in str(caught.value)
    assert finished == [1]
    assert not jobs[1][0].done
    assert not (jobs[2][0].folder / "log.txt").exists()


def test_keys_by_dots(configs):
    cfg = read_config(configs["student"])
    assert has_key(cfg, "model.strategy.teacher")
    assert not has_key(cfg, "model.strategy.no_such")
    assert not has_key(cfg, "model.strategy.teacher.deeper")


@pytest.mark.parametrize(
    ("names", "more", "text"),
    [
        ([], {}, "needs at least one config"),
        (["base", "base"], {}, "rows are called as their files, and two are base"),
        (["base"], {"baseline": "hr"}, "grid has no row hr; rows: base"),
        (["base"], {"links": LINK}, "grid has no row hr; rows: base"),
        (["base"], {"seeds": [1, 1]}, r"needs seeds, each once, got \[1, 1\]"),
        (["base"], {"seeds": []}, "needs seeds, each once"),
        (["base", "coarser"], {}, "same LR pixels, and base and coarser are tested on other data"),
        (
            ["student"],
            {"links": {"model.strategy.teacher": "student"}},
            "rows learn from each other in a circle",
        ),
    ],
)
def test_wrong_use_is_named(configs, tmp_path, names, more, text):
    with pytest.raises(ValueError, match=text):
        grid([configs[name] for name in names], out=tmp_path, **more)
