"""The training runs of a grid: each a process of its own, resumable, done once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any

import torch
from mmengine.config import Config

from mmisr.analysis.comparison.store import arm_key
from mmisr.ops.files import write_text

DONE = "run.json"
"""In the folder of a run that is finished: its checkpoint and its minutes."""

LAST_LINES = 12
"""Lines of a failed run's log that the error shows."""


@dataclass(frozen=True)
class Launch:
    """How a run is started.

    Args:
        gpus: Processes of one run, one per GPU; 0 trains in one process without a launcher.
        amp: Whether to train in automatic mixed precision.
        jobs: Runs at a time, each with GPUs of its own where there are any.

    Raises:
        ValueError: ``jobs`` is below 1, or the GPUs do not suffice for so many.
    """

    gpus: int = 0
    amp: bool = False
    jobs: int = 1

    def __post_init__(self) -> None:
        there = torch.cuda.device_count()
        needed = self.jobs * max(1, self.gpus)
        if self.jobs < 1 or (there and self.jobs > 1 and needed > there):
            raise ValueError(
                f"a grid needs at least one run at a time, and GPUs for all that run together: "
                f"jobs={self.jobs} with gpus={self.gpus} each, and there are {there}"
            )

    def environment(self, slot: int) -> dict[str, str]:
        """The environment of a run, which says what GPUs are its own where several run.

        Args:
            slot: Number of the run among those that run at a time, from 0.
        """
        environment = dict(os.environ)
        there = torch.cuda.device_count()
        if self.jobs > 1 and there:
            count = max(1, self.gpus)
            first = slot * count
            own = range(first, first + count)
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, own))
        return environment

    def command(self, config: Path, folder: Path) -> list[str]:
        """The command line of a run that begins, or goes on where it stopped."""
        words = [sys.executable, "-m"]
        if self.gpus:
            words += ["torch.distributed.run", f"--nproc_per_node={self.gpus}"]
            words += ["--rdzv_backend=c10d", "--rdzv_endpoint=localhost:0", "-m"]
        words += ["mmisr", "train", str(config), "--work-dir", str(folder), "--resume"]
        if self.gpus:
            words += ["--launcher", "pytorch"]
        if self.amp:
            words += ["--amp"]
        return words


@dataclass(frozen=True)
class Run:
    """One config with one seed.

    Args:
        row: Name of the row.
        seed: Of the run.
        folder: Where it is trained.
    """

    row: str
    seed: int
    folder: Path

    @property
    def done(self) -> bool:
        """Whether it is trained to its end."""
        return (self.folder / DONE).is_file()

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint of a run that is done."""
        return self.folder / self._facts["checkpoint"]

    @property
    def minutes(self) -> float:
        """Training time, over all the times that it was begun."""
        return float(self._facts["minutes"])

    @property
    def _facts(self) -> dict[str, Any]:
        return json.loads((self.folder / DONE).read_text(encoding="utf-8"))


def run_key(cfg: Config, seed: int, launch: Launch) -> str:
    """A short hash of everything that a run depends on: config, files that it names, seed.

    Args:
        cfg: The resolved config.
        seed: Of the run.
        launch: How it is started; the number of processes changes a batch.
    """
    content = cfg.to_dict()
    content.pop("work_dir", None)
    return arm_key([content, seed, launch.gpus, launch.amp])


def train_runs(
    jobs: Sequence[tuple[Run, Config]], launch: Launch, finished: Callable[[], Any]
) -> None:
    """Train runs to their end, ``launch.jobs`` of them at a time; those that are done are passed.

    Args:
        jobs: The runs, each with its resolved config, seed included.
        launch: How they are started.
        finished: Called after each.

    Raises:
        RuntimeError: One failed; what ran beside it is finished, the others are not begun.
    """
    slots: SimpleQueue[int] = SimpleQueue()
    for slot in range(launch.jobs):
        slots.put(slot)

    failed = Event()

    def train(run: Run, cfg: Config) -> None:
        if run.done or failed.is_set():
            return
        slot = slots.get()
        try:
            train_run(run, cfg, launch, slot)
        except BaseException:
            failed.set()  # at once: the next run would begin before anybody looks
            raise
        finally:
            slots.put(slot)

    with ThreadPoolExecutor(launch.jobs) as pool:
        futures = [pool.submit(train, run, cfg) for run, cfg in jobs]
        try:
            for future in as_completed(futures):
                future.result()
                finished()
        except BaseException:
            failed.set()
            raise


def train_run(run: Run, cfg: Config, launch: Launch, slot: int = 0) -> None:
    """Train one run to its end, from where it stopped.

    Args:
        run: Which.
        cfg: Its resolved config, seed included.
        launch: How it is started.
        slot: Its number among those that run at a time.

    Raises:
        RuntimeError: Training failed; the message has the last lines of its log.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    config = run.folder / "config.py"
    cfg.dump(config)
    command = launch.command(config, run.folder)
    log = run.folder / "log.txt"
    environment = launch.environment(slot)
    status, seconds = _timed(command, environment, log, run.folder / "seconds.txt")
    pointer = run.folder / "last_checkpoint"
    if status or not pointer.is_file():
        text = log.read_text(encoding="utf-8", errors="replace")
        last = text.splitlines()[-LAST_LINES:]
        raise RuntimeError(
            f"training {run.row} with seed {run.seed} ended with status {status}; {log} has it "
            "all, and the same command goes on from the last checkpoint. It ends:\n"
            + "\n".join(last)
        )
    checkpoint = Path(pointer.read_text().strip())
    facts = {
        "checkpoint": checkpoint.name,
        "minutes": seconds / 60,
        "seed": run.seed,
    }
    write_text(run.folder / DONE, json.dumps(facts) + "\n")


def _timed(
    command: Sequence[str], environment: Mapping[str, str], log: Path, spent: Path
) -> tuple[int, float]:
    """Run a command into a log: its status, and its seconds over all the times it was begun."""
    seconds = 0.0
    if spent.is_file():
        seconds = float(spent.read_text())
    begun = time.monotonic()
    try:
        with log.open("a", encoding="utf-8") as file:
            status = subprocess.call(
                command, stdout=file, stderr=subprocess.STDOUT, env=dict(environment)
            )
    finally:
        seconds += time.monotonic() - begun
        write_text(spent, f"{seconds}\n")
    return status, seconds


def with_rows(cfg: Config, links: Mapping[str, str], runs: Sequence[Run], seed: int) -> Config:
    """A config whose keys name checkpoints of other rows.

    Args:
        cfg: Changed and returned.
        links: Row by dotted key; keys that the config does not have are passed over.
        runs: Of the rows that are trained already.
        seed: The checkpoint is that of this seed's run.
    """
    checkpoints = {}
    for run in runs:
        if run.seed == seed:
            checkpoints[run.row] = run.checkpoint.resolve()
    for key, row in links.items():
        if has_key(cfg, key):
            path = checkpoints[row]
            cfg.merge_from_dict({key: str(path)})
    return cfg


def has_key(cfg: Config, key: str) -> bool:
    """Whether a config has a dotted key."""
    inner: Any = cfg
    for name in key.split("."):
        if not hasattr(inner, "get") or inner.get(name) is None:
            return False
        inner = inner[name]
    return True
