"""Curves and times of mmengine's JSON logs.

What ``tools/analysis/analyze_logs.py`` and ``tools/analysis/loss_curves.py`` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from mmisr.reports.logs import (
    curves_of,
    default_keys,
    find_log,
    from_epoch,
    known_keys,
    read_log,
    renamed,
    run_names,
)
from mmisr.reports.loss_curves import loss_panels, plot_losses
from mmisr.reports.plots import Looks, plot_curves

__all__ = ["CurveSummary", "Looks", "RunTimes", "log_times", "loss_curves", "plot_logs"]


class CurveSummary(NamedTuple):
    """One line of a picture in figures."""

    key: str
    run: str
    first: float
    last: float
    lowest: float
    highest: float


class RunTimes(NamedTuple):
    """Seconds per iteration of a training run, and the mean wait for data among them."""

    run: str
    records: int
    mean: float
    fastest: float
    slowest: float
    data: float


def plot_logs(
    logs: Sequence[str],
    out: str,
    keys: Sequence[str] = (),
    names: Sequence[str] = (),
    start_epoch: int = 1,
    looks: Looks | None = None,
) -> list[CurveSummary]:
    """Draw values over steps.

    Args:
        logs: Log files (``vis_data/scalars.json``), or work folders, whose newest log is taken.
        out: The picture to write: png, pdf or svg.
        keys: What to draw; by default the losses, else whatever is there first.
        names: What the lines are called: one for each log, or, as in mmdet's tool, one for each log
            and key, log by log.
        start_epoch: Leave out what was logged before this epoch, counted from 1; only in logs that
            count epochs.
        looks: Title and style of the picture; none by default.

    Returns:
        First, last, lowest and highest value of every line, under the names of the logs.

    Raises:
        FileNotFoundError: A log does not exist.
        ValueError: A file is no log, no log has a key, or there are more or fewer names than lines.
    """
    paths = [find_log(log) for log in logs]
    runs = {}
    for run, path in zip(run_names(paths), paths, strict=True):
        records = read_log(path)
        runs[run] = from_epoch(records, start_epoch)
    known = known_keys(runs)
    absent = [key for key in keys if key not in known]
    if absent:
        raise ValueError(f"no log has {absent}; known keys: {', '.join(known)}")
    chosen = keys or default_keys(known)
    panels = {key: curves_of(runs, key) for key in chosen}
    # The picture has the names of the legend, the summaries those of the logs.
    lines = renamed(panels, list(runs), names)
    plot_curves(lines, Path(out), looks=looks)
    summaries = []
    for key, curves in panels.items():
        for run, (_, values) in curves.items():
            summaries.append(_summary(key, run, values))
    return summaries


def loss_curves(work_dirs: Sequence[str], out: str) -> list[CurveSummary]:
    """Draw the losses of training runs, a panel per phase of their strategies.

    Args:
        work_dirs: Work folders, whose newest log is taken, or log files.
        out: The picture to write: png, pdf or svg.

    Returns:
        First, last, lowest and highest value of every line; the key is ``<phase>/<term>``.

    Raises:
        FileNotFoundError: There is no log.
        ValueError: A file is no log, or no log has a loss.
    """
    paths = [find_log(work_dir) for work_dir in work_dirs]
    runs = {}
    for run, path in zip(run_names(paths), paths, strict=True):
        runs[run] = read_log(path)
    panels = loss_panels(runs)
    plot_losses(panels, Path(out))
    summaries = []
    for phase, terms in panels.items():
        for term, curves in terms.items():
            for run, (_, values) in curves.items():
                row = _summary(f"{phase}/{term}", run, values)
                summaries.append(row)
    return summaries


def _summary(key: str, run: str, values: Sequence[float]) -> CurveSummary:
    return CurveSummary(
        key=key,
        run=run,
        first=values[0],
        last=values[-1],
        lowest=min(values),
        highest=max(values),
    )


def log_times(logs: Sequence[str]) -> list[RunTimes]:
    """Seconds per iteration, and waiting for data among them.

    Args:
        logs: Logs of training runs, see :func:`plot_logs`.

    Returns:
        The times of each run.

    Raises:
        FileNotFoundError: A log does not exist.
        ValueError: A file is no log, or not that of a training.
    """
    rows = []
    paths = [find_log(log) for log in logs]
    for run, path in zip(run_names(paths), paths, strict=True):
        records = [record for record in read_log(path) if "time" in record and "loss" in record]
        if not records:
            raise ValueError(f"{path} has no training iterations; give the log of a training run")
        seconds = [record["time"] for record in records]
        waits = [record.get("data_time", 0.0) for record in records]
        times = RunTimes(
            run=run,
            records=len(records),
            mean=mean(seconds),
            fastest=min(seconds),
            slowest=max(seconds),
            data=mean(waits),
        )
        rows.append(times)
    return rows
