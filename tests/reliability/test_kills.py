"""Killed by the kernel at any moment, and resumed: the bytes of a run that nobody killed.

A few kills in every test run; more with ``MMISR_KILLS=30 python -m pytest
tests/reliability/test_kills.py``, and those of the demo with ``MMISR_LONG=1``.
"""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmisr.apis.configs import read_config
from mmisr.apis.demo import demo
from mmisr.apis.export import export_sr
from mmisr.apis.train import train
from mmisr.export.folder import check_export
from mmisr.ops import files

LONG = os.environ.get("MMISR_LONG") == "1"
KILLS = int(os.environ.get("MMISR_KILLS", "3"))
STAGES, EACH = ("decoder", "encoder", "joint"), 3
ROUNDS = max(1, KILLS // len(STAGES))


@HOOKS.register_module(force=True)
class KillBefore(Hook):
    """Kills the process before or after the forward pass of a step."""

    def __init__(self, step: int, after: bool = False) -> None:
        self.step, self.after = step, after

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.step and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == self.step and self.after:
            os.kill(os.getpid(), signal.SIGKILL)


def last(folder: Path) -> dict:
    return torch.load(
        folder / f"iter_{len(STAGES) * EACH}.pth", map_location="cpu", weights_only=False
    )


def flat(content, name="") -> dict:
    """Tensors and numbers of a nested state by name."""
    if isinstance(content, dict):
        parts = content.items()
    elif isinstance(content, (list, tuple)):
        parts = enumerate(content)
    else:
        return {name: content}
    return {k: v for key, value in parts for k, v in flat(value, f"{name}.{key}").items()}


def assert_same(ours: dict, theirs: dict) -> None:
    ours, theirs = flat(ours), flat(theirs)
    assert ours.keys() == theirs.keys()
    different = [
        k
        for k, v in ours.items()
        if not (torch.equal(v, theirs[k]) if torch.is_tensor(v) else v == theirs[k])
    ]
    assert not different, f"{len(different)} of {len(ours)} differ, {different[:3]} first"


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_training_killed_in_every_stage(staged, apart, tmp_path, seed):
    config, whole, broken = staged(EACH), tmp_path / "whole", tmp_path / "broken"
    apart(lambda: train(config, str(whole)) and None).result()
    draw = random.Random(seed)
    for number in range(len(STAGES)):
        cfg = read_config(config)
        # The first checkpoint comes after two steps: before it there is nothing to resume from.
        step = number * EACH + draw.randrange(2 if number == 0 else 0, EACH)
        cfg.custom_hooks.append({"type": "KillBefore", "step": step, "after": draw.random() < 0.5})
        process = apart(lambda cfg=cfg: train(cfg, str(broken), resume="auto") and None)
        with pytest.raises(AssertionError, match="was killed"):
            process.result()
        assert not (broken / f"iter_{len(STAGES) * EACH}.pth").exists()
    assert list(broken.glob("*.pth"))
    apart(lambda: train(config, str(broken), resume="auto") and None).result()
    for part in ("state_dict", "optimizer", "param_schedulers"):
        assert_same(last(whole)[part], last(broken)[part])


def content(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def ended(process) -> bool:
    """Wait for a process; whether it was killed."""
    try:
        process.result()
    except AssertionError as error:
        assert "was killed" in str(error)
        return True
    except (RuntimeError, SystemExit):  # the other one died, and it says so or goes
        return False
    return False


def test_export_of_two_processes(cheap_pair, apart, starting, tmp_path):
    config, _ = cheap_pair(12 * KILLS, 64)
    folder, draw, kills = tmp_path / "killed", random.Random(0), 0
    for number in range(KILLS):
        before = len(list((folder / "images").glob("*.png")))
        processes = starting(2, lambda: export_sr(config, folder, launcher="pytorch"))
        deadline, goal = time.monotonic() + 60, before + draw.randrange(1, 4)
        while len(list((folder / "images").glob("*.png"))) < goal and time.monotonic() < deadline:
            time.sleep(0.001)
        for process in processes[
            number % 2 :
        ]:  # both, or the second alone: the first must then end by itself
            os.kill(process.pid, signal.SIGKILL)
        kills += sum([ended(process) for process in processes])
    assert kills >= KILLS
    for process in starting(2, lambda: export_sr(config, folder, launcher="pytorch")):
        process.result()
    apart(lambda: export_sr(config, tmp_path / "whole")).result()
    assert content(folder) == content(tmp_path / "whole")
    assert check_export(folder).good
    print(f"{kills} processes killed")


ROOT = Path(__file__).parents[2]
PAIR = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


def demo_killed_at(out: Path, config: Path, goal: Path | None) -> None:
    """The demo, killed when a file of it has been written and does not have its name yet."""
    os.chdir(ROOT)  # its data lie there
    to_disk = files._to_disk

    def kill(path: Path) -> None:
        to_disk(path)
        if goal is not None and path in (
            files.unfinished_name(out / goal),
            files.unfinished_name(out / in_work(goal)),
        ):
            os.kill(os.getpid(), signal.SIGKILL)

    files._to_disk = kill
    demo(str(out), str(config))


def in_work(goal: Path) -> Path:
    """Where the file of an arm lies while the arm is measured."""
    top, arm, *rest = goal.parts if len(goal.parts) > 2 else ("", "", goal.name)
    return Path(top, f".{arm.rpartition('-')[0]}.unfinished", *rest)


def without_times(folder: Path) -> dict:
    """What the demo wrote, but for milliseconds, which no two runs share, and what shows them."""
    found = {
        name: raw
        for name, raw in content(folder).items()
        if name not in ("timing.json", "results.csv", "report.html")
    }
    table, *rest = found.pop("results.md").decode().split("\n\n")
    rows = [line.split("|") for line in table.splitlines()]
    timed = [i for i, head in enumerate(rows[0]) if " ms" in f" {head}"]
    found["results.md"] = (
        [[cell.strip() for i, cell in enumerate(row) if i not in timed] for row in rows],
        rest,
    )
    for name in [n for n in found if n.endswith(".json")]:
        found[name] = {k: v for k, v in flat(json.loads(found[name])).items() if ".ms" not in k}
    return found


@pytest.mark.skipif(not LONG, reason="takes minutes: set MMISR_LONG=1")
def test_the_demo_killed_while_it_measures_draws_and_reports(apart, tree_crops, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        options = {**tree_crops, "test_dataloader.dataset.indices": 2}
        read_config(PAIR, cfg_options=options).dump(tmp_path / "pair.py")
    config, whole, broken = tmp_path / "pair.py", tmp_path / "whole", tmp_path / "broken"
    apart(lambda: demo_killed_at(whole, config, None)).result()
    written = sorted(
        (p for p in whole.rglob("*") if p.is_file()), key=lambda p: p.stat().st_mtime_ns
    )
    written = [p.relative_to(whole) for p in written]
    draw = random.Random(0)
    kinds = (
        [p for p in written if p.parts[0] == part]
        for part in ("arms", "results.md", "pictures", "report.html")
    )
    goals = {draw.choice(kind) for kind in kinds} | set(
        draw.sample(written, max(0, min(KILLS - 4, len(written))))
    )
    kills = 0
    for goal in sorted(goals, key=written.index):
        process = apart(lambda goal=goal: demo_killed_at(broken, config, goal))
        kills += ended(process)
    apart(lambda: demo_killed_at(broken, config, None)).result()
    assert kills >= 4
    assert without_times(broken) == without_times(whole)
    assert (broken / "report.html").read_text().endswith((whole / "report.html").read_text()[-100:])
    assert not [p for p in broken.rglob("*") if ".unfinished" in p.name]
    print(f"{kills} demos killed at {sorted(map(str, goals))}")
