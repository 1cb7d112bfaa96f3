"""What ``tools/analysis/analyze_logs.py`` does: curves and times of mmengine's JSON logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from mmisr.evaluation.functional.tables import render_table
from mmisr.reports.plots import Curve, Looks, plot_curves

SHOWN = 6
"""How many of a log's keys are drawn where none is asked for."""


def plot_logs(
    logs: Sequence[str],
    out: str,
    keys: Sequence[str] = (),
    names: Sequence[str] = (),
    start_epoch: int = 1,
    looks: Looks | None = None,
) -> str:
    """Draw values over steps.

    Args:
        logs: Log files (``vis_data/scalars.json``), or work folders, whose newest log is taken.
        out: Picture to write.
        keys: What to draw; by default the losses, else whatever is there first.
        names: What the lines are called: one for each log, or, as in mmdet's tool, one for each log
            and key, log by log.
        start_epoch: Leave out what was logged before this epoch, counted from 1; only in logs that
            count epochs.
        looks: Title and style.

    Returns:
        A table of first, last, lowest and highest values.

    Raises:
        FileNotFoundError: A log does not exist.
        ValueError: A file is no log, no log has a key, or there are more or fewer names than lines.
    """
    paths = [find_log(log) for log in logs]
    runs = {
        name: from_epoch(read_log(path), start_epoch)
        for name, path in zip(_names(paths), paths, strict=True)
    }
    known = list(
        dict.fromkeys(key for records in runs.values() for record in records for key in record)
    )
    chosen = list(keys) or _default(known)
    absent = [key for key in chosen if key not in known]
    if absent:
        raise ValueError(f"no log has {absent}; known keys: {', '.join(known)}")
    panels = {k: {run: c for run, r in runs.items() if (c := curve(r, k))[0]} for k in chosen}
    plot_curves(_renamed(panels, list(runs), names), Path(out), looks=looks)
    rows = [
        (key, run, values[0], values[-1], min(values), max(values))
        for key, curves in panels.items()
        for run, (_, values) in curves.items()
    ]
    return render_table("curves", ("key", "run", "first", "last", "lowest", "highest"), rows)


def log_times(logs: Sequence[str]) -> str:
    """Seconds per iteration, and waiting for data among them.

    Args:
        logs: See :func:`plot_logs`.

    Returns:
        A table.
    """
    rows, paths = [], [find_log(log) for log in logs]
    for name, path in zip(_names(paths), paths, strict=True):
        records = [r for r in read_log(path) if "time" in r and "loss" in r]
        if not records:
            raise ValueError(f"{path} has no training iterations; give the log of a training run")
        times, waits = [r["time"] for r in records], [r.get("data_time", 0.0) for r in records]
        rows.append((name, len(records), mean(times), min(times), max(times), mean(waits)))
    return render_table(
        "seconds an iteration", ("run", "records", "mean", "fastest", "slowest", "data"), rows
    )


def curve(records: Sequence[dict[str, float]], key: str) -> Curve:
    """Steps and values of one key."""
    points = [
        (r.get("step", n), r[key])
        for n, r in enumerate(records)
        if isinstance(r.get(key), (int, float))
    ]
    return [p[0] for p in points], [p[1] for p in points]


def from_epoch(records: list[dict[str, float]], epoch: int) -> list[dict[str, float]]:
    """The records of an epoch and of those after it; all, where the log counts no epochs.

    Args:
        records: In the order in which they were written.
        epoch: Counted from 1.

    Raises:
        ValueError: The log ends before it.
    """
    if epoch <= 1 or not any("epoch" in record for record in records):
        return records
    first = next((n for n, record in enumerate(records) if record.get("epoch", 0) >= epoch), None)
    if first is None:
        raise ValueError(
            f"--start-epoch {epoch} is after the end: the last epoch in the log is "
            f"{records_end(records)}"
        )
    return records[first:]


def records_end(records: Sequence[dict[str, float]]) -> int:
    """The last epoch of a log."""
    return int(max(record.get("epoch", 0) for record in records))


def _renamed(
    panels: dict[str, dict[str, Curve]], runs: Sequence[str], names: Sequence[str]
) -> dict[str, dict[str, Curve]]:
    """The lines under other names, which are given log by log."""
    if not names:
        return panels
    if len(names) not in (len(runs), len(runs) * len(panels)):
        raise ValueError(
            f"--legend needs a name for each of the {len(runs)} logs, or for each log and key, "
            f"{len(runs) * len(panels)}, "
            f"got {len(names)}"
        )
    each = len(names) // len(runs)
    return {
        key: {
            names[runs.index(run) * each + (number if each > 1 else 0)]: curve
            for run, curve in curves.items()
        }
        for number, (key, curves) in enumerate(panels.items())
    }


def find_log(path: str) -> Path:
    """The log itself, or the newest one of a work folder.

    Raises:
        FileNotFoundError: There is none.
    """
    place = Path(path)
    found = (
        sorted(place.glob("**/vis_data/scalars.json"), key=lambda p: p.stat().st_mtime)
        if place.is_dir()
        else [place]
    )
    if not found or not found[-1].is_file():
        raise FileNotFoundError(
            f"{path} is no log and holds none (**/vis_data/scalars.json); training writes it to "
            f"work_dirs"
        )
    return found[-1]


def read_log(path: Path) -> list[dict[str, float]]:
    """The records of a log; a last line that a killed run left half-written is skipped.

    Raises:
        ValueError: It is no log.
    """
    records: list[dict[str, float]] = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines) and records:
                break
            raise ValueError(f"{path}:{number} is no line of a JSON log: {error}") from error
        if not isinstance(record, dict):
            raise ValueError(
                f"{path}:{number} is no line of a JSON log: expected an object, found "
                f"{type(record).__name__}"
            )
        records.append(record)
    if not records:
        raise ValueError(f"{path} is empty; the run wrote no log yet")
    return records


def _default(known: Sequence[str]) -> list[str]:
    losses = [key for key in known if key.startswith("loss")]
    return (
        losses or [k for k in known if k not in ("step", "iter", "epoch", "time", "data_time")]
    )[:SHOWN]


def _names(paths: Sequence[Path]) -> list[str]:
    """Work folders of ``<work folder>/<time>/vis_data/scalars.json``, else files.

    Whole paths where two are alike.
    """
    work = [
        path.parents[2].name if path.name == "scalars.json" and len(path.parents) > 2 else ""
        for path in paths
    ]
    names = [name or path.name.split(".")[0] for name, path in zip(work, paths, strict=True)]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]
