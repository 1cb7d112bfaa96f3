"""Read mmengine's JSON logs: which file, its records, and curves of their values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmisr.reports.plots import Curve

Record = dict[str, float]
"""One line of a log: values by key."""

SHOWN = 6
"""How many of a log's keys are drawn where none is asked for."""

CLOCKS = ("step", "iter", "epoch", "time", "data_time")
"""Keys that say when a value was logged, or how long it took."""

GRID_RUN = re.compile(r"(seed_\d+)-[0-9a-f]+")
"""Folder of a run of ``tools/grid.py``."""


def find_log(path: str) -> Path:
    """The log itself, or the newest one of a work folder.

    Raises:
        FileNotFoundError: There is none.
    """
    given = Path(path)
    logs = [given]
    if given.is_dir():
        logs = sorted(given.glob("**/vis_data/scalars.json"), key=_age)
    if not logs or not logs[-1].is_file():
        raise FileNotFoundError(
            f"{path} is no log and holds none (**/vis_data/scalars.json); training writes it to "
            "work_dirs"
        )
    return logs[-1]


def _age(path: Path) -> float:
    return path.stat().st_mtime


def read_log(path: Path) -> list[Record]:
    """The records of a log; a last line that a killed run left half-written is skipped.

    Raises:
        ValueError: It is no log.
    """
    records: list[Record] = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines) and records:  # nothing follows, so nothing is lost
                break
            raise ValueError(f"{path}:{number} is no line of a JSON log: {error}") from error
        if not isinstance(record, dict):
            kind = type(record).__name__
            raise ValueError(
                f"{path}:{number} is no line of a JSON log: expected an object, found {kind}"
            )
        records.append(record)
    if not records:
        raise ValueError(f"{path} is empty; the run wrote no log yet")
    return records


def from_epoch(records: list[Record], epoch: int) -> list[Record]:
    """The records of an epoch and of those after it; all, where the log counts no epochs.

    Args:
        records: The records in the order in which they were written.
        epoch: The first epoch, counted from 1.

    Raises:
        ValueError: The log ends before it.
    """
    epochs = [record.get("epoch", 0) for record in records]
    if epoch <= 1 or not any("epoch" in record for record in records):
        return records
    for index, number in enumerate(epochs):
        if number >= epoch:
            return records[index:]
    raise ValueError(
        f"--start-epoch {epoch} is after the end: the last epoch in the log is {int(max(epochs))}"
    )


def curves_of(runs: Mapping[str, Sequence[Record]], key: str) -> dict[str, Curve]:
    """Steps and values of one key, for each run that has it.

    Args:
        runs: Records by run.
        key: The key of the values.
    """
    curves: dict[str, Curve] = {}
    for run, records in runs.items():
        steps, values = _curve(records, key)
        if values:
            curves[run] = (steps, values)
    return curves


def _curve(records: Sequence[Record], key: str) -> Curve:
    steps = []
    values = []
    for number, record in enumerate(records):
        value = record.get(key)
        if isinstance(value, (int, float)):
            # A log of another program may count no steps.
            steps.append(record.get("step", number))
            values.append(value)
    return steps, values


def known_keys(logs: Mapping[str, Sequence[Record]]) -> list[str]:
    """The keys of all records, in the order in which they first appear."""
    keys: dict[str, None] = {}
    for records in logs.values():
        for record in records:
            keys |= dict.fromkeys(record)
    return list(keys)


def default_keys(known: Sequence[str]) -> list[str]:
    """What is drawn where nothing is asked for: the losses, else what is no clock."""
    losses = [key for key in known if key.startswith("loss")]
    others = [key for key in known if key not in CLOCKS]
    return (losses or others)[:SHOWN]


def run_names(paths: Sequence[Path]) -> list[str]:
    """What the runs of some logs are called.

    Args:
        paths: The files of the logs.

    Returns:
        Work folders of ``<work folder>/<time>/vis_data/scalars.json``, with the row where they are
        runs of a grid, else names of files; whole paths where two are alike.
    """
    names = []
    for path in paths:
        is_in_work_folder = path.name == "scalars.json" and len(path.parents) > 2
        work_folder = _run_name(path.parents[2]) if is_in_work_folder else ""
        names.append(work_folder or path.name.split(".")[0])
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _run_name(folder: Path) -> str:
    """``<row> seed_<K>`` of a grid's ``<row>/seed_<K>-<key>``, else the folder's own name."""
    run = GRID_RUN.fullmatch(folder.name)
    return f"{folder.parent.name} {run[1]}" if run else folder.name


def renamed(
    panels: dict[str, dict[str, Curve]], runs: Sequence[str], names: Sequence[str]
) -> dict[str, dict[str, Curve]]:
    """The lines of a picture under other names.

    Args:
        panels: Curves by key, then by run.
        runs: The runs, in their order.
        names: One per run, or one per run and key, run by run; empty for none.

    Raises:
        ValueError: There are more or fewer names.
    """
    if not names:
        return panels
    num_lines = len(runs) * len(panels)
    if len(names) not in (len(runs), num_lines):
        raise ValueError(
            f"--legend needs a name for each of the {len(runs)} logs, or for each log and key, "
            f"{num_lines}, got {len(names)}"
        )
    names_per_run = len(names) // len(runs)
    result: dict[str, dict[str, Curve]] = {}
    for number, (key, curves) in enumerate(panels.items()):
        offset = number if names_per_run > 1 else 0
        result[key] = {}
        for run, line in curves.items():
            # mmdet names log by log, and key by key within a log.
            name = names[runs.index(run) * names_per_run + offset]
            result[key][name] = line
    return result
